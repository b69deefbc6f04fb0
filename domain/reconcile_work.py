"""Work orders of reconciliation: ids and counts between workflow and activities; rows never travel here."""

from __future__ import annotations

from domain.work import Message


class ReconcileWork(Message):
    """Start of `reconciliation/<id>`. Without a run the activity opens one, under the name of the day."""

    run_id: str = ""
    reason: str = "schedule"
    requested_by: str = "schedule"


class ReconcileOpened(Message):
    """The run that is to be made; `joined`: one that is under way already, and is left to itself."""

    run_id: str
    joined: bool = False
    second_read_seconds: int = 30


class ReconcilePart(Message):
    """One system's part of a run; `again`: only what differed on the first read."""

    run_id: str
    again: bool = False


class ReconcileCounted(Message):
    """How many records were read, or what was found to differ on the first read; `shipments` whose invoices moved."""

    records: int = 0
    shipments: tuple[str, ...] = ()


class ReconcileConcluded(Message):
    """What a run came to, and what is to be set going: rows to be said again, invoices to be read again."""

    run_id: str
    drift: int = 0
    in_flight: int = 0
    held: int = 0
    waived: int = 0
    shipments: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    customers: tuple[str, ...] = ()
    stock: bool = False
    refresh: tuple[str, ...] = ()


class ReconcileRefresh(Message):
    """Invoices whose state the store has missed, by their QuickBooks ids."""

    run_id: str
    invoices: tuple[str, ...]


class ReconcileFailed(Message):
    """A run that could not be made, and why."""

    run_id: str
    why: str
