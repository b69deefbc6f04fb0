"""The count of API calls, which every data answer tells."""

from twins.salesforce.tables import Database


def count_call(database: Database) -> int:
    """Count one call and return the calls so far."""
    return database.next_number("api calls")


def used_calls(database: Database) -> int:
    """The calls so far."""
    rows = database.execute("SELECT value FROM counter WHERE name = 'api calls'")
    return int(rows[0][0] or 0) if rows else 0
