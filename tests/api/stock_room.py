"""A stock room for the API's tests: exports are stated, decided and shown by the product's own steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

from sqlalchemy import Engine
from temporalio.testing import ActivityEnvironment

from activities.stock import StockActivities
from activities.stock_statement import Statement
from adapters.erp.layouts import Layouts
from domain.company import Company
from domain.files import Entity, FileSummary, StagedGroup
from domain.stock import Bucket, StockRow
from domain.stock_rules import KitRules
from domain.work import FileWork, StockDecided, StockStated, StockWork
from store import files, staging
from store.session import reading, transaction
from store.stock import shown
from store.stock.levels import Key
from tests.api.served import CAUSE, ROOT, Served

Counts = Mapping[Key, tuple[int, int]]  # on hand and allocated by SKU and warehouse
LAYOUT = Layouts.load(ROOT / "config" / "layouts").get("inv410r").model_copy(update={"guards": None})


def ago(**parts: int) -> datetime:
    """An instant so long before now, to the second."""
    return datetime.now(UTC).replace(microsecond=0) - timedelta(**parts)


@dataclass
class StockRoom:
    """One store and the company whose rules apply."""

    engine: Engine
    company: Company
    _count: int = field(default=410)

    @classmethod
    def of(cls, served: Served, **kits: dict[str, int]) -> StockRoom:
        """The room of an app, which from now on knows these kits: components by the kit's SKU."""
        rules = {sku: KitRules(parts={part: Decimal(n) for part, n in parts.items()}) for sku, parts in kits.items()}
        company = served.services.company.model_copy(update={"kits": rules})
        served.app.state.services = replace(served.services, company=company)
        return cls(served.engine, company)

    def state(self, counts: Counts, at: datetime) -> StockStated:
        """An export that was cut at this instant is read and applied."""
        self._count += 1
        sha256, filename = uuid4().hex * 2, f"INV410R.{self._count}"
        arrival = files.FileArrival(
            sha256=sha256, filename=filename, layout="inv410r", byte_count=1, arrived_by="http", visible_at=at
        )
        with transaction(self.engine, CAUSE) as session:
            file, _ = files.register(session, arrival)
            staging.stage(session, file.id, [list(map(_group, range(1, len(counts) + 1), counts.items()))])
            files.save_summary(session, file.id, _summary(len(counts), at))
        with transaction(self.engine, CAUSE) as session:
            read = files.get(session, file.id)
            assert read is not None
            work = FileWork(file_id=str(file.id), sha256=sha256, filename=filename, layout="inv410r")
            return Statement(session, work, read, LAYOUT, self.company, datetime.now(UTC)).apply()

    def decide(self, at: datetime | None = None) -> StockDecided:
        """Everything that is marked is decided, now or as if it were that instant."""
        clock = (lambda: at) if at else (lambda: datetime.now(UTC))
        step = StockActivities(self.engine, self.company, clock)
        decided: StockDecided = ActivityEnvironment().run(step.decide_stock, StockWork())
        return decided

    def show(self, refused: Mapping[Key, str] | None = None) -> None:
        """Salesforce takes all that is to be said, but for rows that it refuses with a reason."""
        refused = refused or {}
        with reading(self.engine) as session:
            said = shown.to_say(session, 1000)
        with transaction(self.engine, CAUSE) as session:
            shown.doubt(session, said)
            shown.remember(session, said, [key for key in said.rows if key not in refused], refused)
        with transaction(self.engine, CAUSE) as session:
            shown.measure(session)

    def stock(self, counts: Counts, at: datetime | None = None) -> None:
        """An export is stated, decided and shown."""
        self.state(counts, at or ago(minutes=5))
        self.decide()
        self.show()


def _group(seq: int, stated: tuple[Key, tuple[int, int]]) -> StagedGroup:
    (sku, warehouse), (on_hand, allocated) = stated
    row = StockRow(
        sku=sku,
        warehouse=warehouse,
        on_hand=Decimal(on_hand),
        allocated=Decimal(allocated),
        on_order=Decimal(0),
        bucket=Bucket.SELLABLE,
    )
    payload = row.model_dump(mode="json")
    key = f"{sku}|{warehouse}"
    return StagedGroup(seq=seq, key=key, line_from=seq, line_to=seq, byte_from=0, byte_to=1, payload=payload)


def _summary(rows: int, at: datetime) -> FileSummary:
    return FileSummary(
        layout="inv410r",
        layout_version=1,
        layout_digest="d",
        entity=Entity.INVENTORY_SNAPSHOT,
        created_at=at,
        byte_count=1,
        record_count=rows,
        group_count=rows,
    )
