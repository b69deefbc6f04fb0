"""The bad habits of the ERP with its files: when, under which name and in how many pieces each one comes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from twins.erp.books import Export
from twins.erp.warehouse.house import DAY, House
from twins.erp.warehouse.settings import HABITS

RESENT_AFTER = timedelta(minutes=5)
RESENT_LATE_AFTER = 2 * DAY
LATE_INTERVALS = 1.5  # behind the next file of the kind
MISSING_INTERVALS = 4
USUAL_INTERVAL = timedelta(minutes=15)  # of files that are written by hand only


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing that is done to the drop folder: so much of the file under this name at this instant."""

    filename: str
    at: datetime
    share: float = 1.0
    habit: str = ""


def has_habit(house: House, habit: str, export: Export) -> bool:
    """Whether the file meets the habit: by its switch, or as the one that was drawn for it."""
    return bool(house.settings[habit]) or _drawn(house, export) == habit


def deliveries(house: House, export: Export, at: datetime, interval: timedelta) -> list[Delivery]:
    """How the file comes into the drop folder; without a habit once, whole and at once."""
    wait, reason = _wait(house, export, interval or USUAL_INTERVAL)
    renamed = has_habit(house, "renamed", export)
    name = _other_name(export.filename) if renamed else export.filename
    first = Delivery(name, at + wait, habit=reason or ("renamed" if renamed else ""))
    made = _growing(house, first) if has_habit(house, "half_written", export) else [first]
    if has_habit(house, "resent", export):
        made.append(Delivery(f"{export.filename}.1", first.at + house.paced(RESENT_AFTER), habit="resent"))
    if has_habit(house, "resent_late", export):
        late = first.at + house.paced(RESENT_LATE_AFTER)
        made.append(Delivery(f"{export.filename}.2", late, habit="resent_late"))
    return made


def _drawn(house: House, export: Export) -> str:
    rng = house.rng("habit", export.filename)
    return rng.choice(HABITS) if rng.random() * 100 < house.settings["habits"] else ""


def _wait(house: House, export: Export, interval: timedelta) -> tuple[timedelta, str]:
    """Late files overtake nobody while all are late: a switch holds every second one back."""
    second = house.books.read(f"second {export.name}", default=False)
    for habit, intervals in (("missing", MISSING_INTERVALS), ("late", LATE_INTERVALS)):
        if _drawn(house, export) == habit or (house.settings[habit] and second):
            house.books.keep(f"second {export.name}", value=False)
            return intervals * interval, habit
    house.books.keep(f"second {export.name}", value=True)
    return timedelta(0), ""


def _growing(house: House, whole: Delivery) -> list[Delivery]:
    """A half under the final name, more of it, all of it (case F1)."""
    seconds = timedelta(seconds=house.settings["grow_seconds"])
    begun = Delivery(whole.filename, whole.at, 0.5, "half_written")
    more = Delivery(whole.filename, whole.at + seconds / 2, 0.75, "half_written")
    return [begun, more, Delivery(whole.filename, whole.at + seconds, 1.0, "half_written")]


def _other_name(filename: str) -> str:
    """`SHPCNF.S000418` comes as `shpcnf_s000418.txt`."""
    return f"{filename.lower().replace('.', '_')}.txt"
