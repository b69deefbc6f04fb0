"""The migrations of the canonical store, oldest first in `versions`."""
