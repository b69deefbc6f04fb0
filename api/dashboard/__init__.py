"""The dashboard: pages for people, from the same operations that serve the API."""

from api.dashboard.installing import install

__all__ = ["install"]
