"""The dashboard: pages for people, from the same operations that serve the API."""
