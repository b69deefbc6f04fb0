"""The services that a machine without Docker or accounts runs by itself: PostgreSQL, Temporal, supervision."""
