"""A simulated week of orders through the whole gateway, and an independent checker of what came of it."""
