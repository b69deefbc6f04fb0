"""The switches of the living warehouse, with values under which nothing unusual happens by itself."""

from __future__ import annotations

from typing import Any

HABITS = ("half_written", "renamed", "resent", "corrected", "missing", "late", "resent_late")

SETTINGS: dict[str, Any] = {
    # Life: `alive` runs what is due in real time; without it the clock is moved through the control routes.
    "alive": False,
    "pace": 1,  # so many times faster than stated below everything happens: a week in ten minutes is a pace of 1008
    "import_folder": "",
    "look_seconds": 30,
    # How long things take; every wait is drawn from half to one and a half times its value. 0 hours: never by itself.
    "acknowledge_minutes": 5,
    "pick_minutes": 60,
    "ship_minutes": 45,
    "hold_hours": 24,
    "replenish_hours": 36,
    "return_hours": 48,
    "correct_hours": 6,
    # How often each export is written; 0: only when it is asked for.
    "shpcnf_minutes": 15,
    "ordack_minutes": 15,
    "inv410r_minutes": 60,
    "rtnrcv_minutes": 60,
    "masters_minutes": 1440,
    "ordack_lists": "news",  # or "open": every order that is not closed, in every file
    "empty_files": False,  # SHPCNF and RTNRCV are written without news too
    # Of a hundred orders (the last three: shipments), how many meet this.
    "percent_hold": 0,
    "percent_reject": 0,
    "percent_split": 0,
    "percent_part": 0,
    "percent_short": 0,
    "percent_over": 0,
    "percent_substitute": 0,
    "percent_return": 0,
    "percent_correct": 0,
    "percent_reverse": 0,
    # Rules of the house.
    "credit_check": False,  # open orders beyond the customer's limit are held
    "hold_customers": [],
    "drop_ship_warehouses": [],  # their shipments come from the vendor: no stock moves
    "quarantine_warehouse": "",  # where INV410R shows damaged goods; empty: it does not show them
    "kits": {},  # by SKU, how many base units of each component
    # Bad habits with files: a switch is for every file, `habits` for so many of a hundred, drawn by the seed.
    "habits": 0,
    **dict.fromkeys(HABITS, False),
}

# A warehouse to watch: an order is through it within a quarter of an hour, and one in three meets something.
DEMO: dict[str, Any] = {
    "alive": True,
    "look_seconds": 5,
    "acknowledge_minutes": 1,
    "pick_minutes": 3,
    "ship_minutes": 3,
    "hold_hours": 1,
    "replenish_hours": 2,
    "return_hours": 2,
    "correct_hours": 1,
    "shpcnf_minutes": 2,
    "ordack_minutes": 2,
    "inv410r_minutes": 15,
    "rtnrcv_minutes": 10,
    "percent_hold": 5,
    "percent_split": 8,
    "percent_part": 8,
    "percent_short": 5,
    "percent_return": 6,
    "percent_correct": 2,
    "percent_reverse": 1,
}
