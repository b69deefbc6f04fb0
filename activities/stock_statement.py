"""One stock export against the store: is it newer, can it be true, what does it change, what does its silence mean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import islice
from uuid import UUID

from sqlmodel import Session

from activities.file_findings import stock_doubtful, stock_rival
from activities.receiving import FILE_DESK
from activities.stock_exceptions import note_rows
from adapters.erp.guards import check_guards
from adapters.erp.layout import Layout
from domain.company import Company
from domain.exceptions import Cause, Choice
from domain.files import FileState, FileSummary
from domain.items import Item
from domain.stock_balances import Balance, Balances, Closing
from domain.stock_events import Absence, Delta, Snapshot, SnapshotRow, stock_key
from domain.stock_guards import StockFinding, doubts, shrinkage
from domain.stock_ledger import Applied, RowOutcome, closes_absent, closing_by, restate
from domain.work import FileWork, StockStated
from store import amendments, exceptions, files, staging
from store import items as item_store
from store.files import SourceFile
from store.stock import levels, marks, movements, snapshots
from store.stock.levels import Key
from store.tables.stock import StockFeedRow, StockLevelRow

BLOCK = 2000
FILE_CAUSES = (Cause.STOCK_DOUBTFUL, Cause.STOCK_NOT_PROVEN, Cause.STOCK_TOO_MANY_ZEROS, Cause.STOCK_SHRUNK)


class Statement:
    """An export that is being applied, in the caller's transaction."""

    def __init__(
        self, session: Session, work: FileWork, file: SourceFile, layout: Layout, company: Company, at: datetime
    ) -> None:
        self._session, self._work, self._file, self._layout, self._at = session, work, file, layout, at
        self._company, self._policy = company, company.stock.guards()
        self._feeds = levels.feeds(session)
        self._record = ("file", work.file_id)
        self._decisions = [exceptions.latest_resolution(session, self._record, cause) for cause in FILE_CAUSES]
        self._snapshot = self._as_snapshot()
        self._oldest = min((feed.effective_at for feed in self._feeds.values()), default=self._snapshot.effective_at)

    def apply(self) -> StockStated:
        """Decide what becomes of the export, and do it."""
        if self._chose(Choice.REFUSE_FILE):
            files.set_state(self._session, self._file.id, FileState.REFUSED, self._at, error="a person refused it")
            staging.clear(self._session, self._file.id)
            return StockStated(refused=True)
        if self._is_overtaken():
            return self._lay_aside()
        if not self._is_comparable():
            return StockStated(reread=True)
        known = snapshots.known_event(self._session, self._snapshot.id)
        return self._as_before() if known and not any(self._decisions) else self._take(known=known)

    def _take(self, *, known: bool) -> StockStated:
        missing = snapshots.absent(
            self._session, self._file.id, self._snapshot.warehouses, compared=self._summary.compared_with is not None
        )
        counted = snapshots.census(self._session, self._file.id, self._snapshot.warehouses, len(missing))
        found = [] if known else [*self._guards(), *doubts(counted, self._snapshot, self._policy)]
        if found:
            return self._hold(found, changed=0)
        shrunk = shrinkage(counted, self._snapshot, self._policy) if self._snapshot.complete else None
        changed, absent = self._write(missing, shrunk)
        if shrunk and not self._chose(Choice.HANDLED):
            return self._hold([shrunk], changed)
        self._settle()
        return StockStated(changed=changed, absent=absent)

    @property
    def _summary(self) -> FileSummary:
        if self._file.summary is None:
            raise ValueError("a file is read before it is applied")
        return self._file.summary

    def _as_snapshot(self) -> Snapshot:
        absence = Absence(self._layout.semantics.absence)
        first = amendments.as_it_came(self._session, self._file)
        return Snapshot(
            id=str(self._file.id),
            effective_at=self._file.created_at or first.visible_at or first.received_at,
            sequence=self._file.sequence or 0,
            warehouses=tuple(snapshots.scope(self._session, self._file.id, self._layout.name)),
            complete=absence is not Absence.KEEP,
            accepted=self._chose(Choice.ACCEPT_FILE),
            absence=absence,
            rows=(),
            source=self._file.filename,
        )

    def _chose(self, choice: Choice) -> bool:
        return any(decision is not None and decision.choice is choice for decision in self._decisions)

    # Is it news?

    def _is_overtaken(self) -> bool:
        """Whether something newer has said all there is to say of its warehouses: then it is kept and does nothing."""
        closings = [levels.closing_of(feed) if feed else None for feed in self._feeds_here()]
        return bool(closings) and all(one is not None and self._is_older(one) for one in closings)

    def _is_older(self, closing: Closing) -> bool:
        return self._snapshot.version < closing.version

    def _feeds_here(self) -> list[StockFeedRow | None]:
        return [self._feeds.get(one) for one in self._snapshot.warehouses]

    def _lay_aside(self) -> StockStated:
        snapshots.keep_event(self._session, self._snapshot, self._file.filename, {"inert": True})
        self._settle()
        return StockStated(inert=True)

    def _as_before(self) -> StockStated:
        """It was applied before, and nobody has decided anything since."""
        waiting = exceptions.open_of_record(self._session, self._record)
        held = next((one.id for one in waiting if one.cause in FILE_CAUSES), None)
        return StockStated(held=held is not None, exception_id=held)

    def _settle(self, *, but: Cause | None = None) -> None:
        """Close what was open on the file as a whole, for it is decided or has gone."""
        closing = set(FILE_CAUSES) - {but}
        keep = tuple(cause for cause in Cause if cause not in closing)
        exceptions.close_by_itself(self._session, self._record, self._at, keep=keep)

    def _is_comparable(self) -> bool:
        """Whether what was passed over as unchanged still is: the file compared with must still be the newest."""
        compared = self._summary.compared_with
        newest = {feed.event_id for feed in self._feeds_here() if feed}
        return compared is None or newest <= {compared, self._snapshot.id}

    # Can it be true?

    def _guards(self) -> list[StockFinding]:
        """What the guards of the layout find, compared with the newest export of the same layout (feature G-A9)."""
        if self._layout.guards is None or self._snapshot.accepted:
            return []
        rejects = check_guards(self._layout.guards, self._summary, self._last_summary(), self._at)
        return [
            StockFinding(cause=Cause.STOCK_DOUBTFUL, sentence=one.message, subject=self._snapshot.id) for one in rejects
        ]

    def _last_summary(self) -> FileSummary | None:
        mine = [feed for feed in self._feeds_here() if feed and feed.layout == self._layout.name]
        newest = max(mine, key=levels.version_of, default=None)
        last = files.get(self._session, UUID(newest.event_id)) if newest else None
        return last.summary if last else None

    def _hold(self, found: Sequence[StockFinding], changed: int) -> StockStated:
        """Let a person decide; a newer export that is believed settles it too."""
        findings = [stock_doubtful(self._file, one) for one in found]
        item = exceptions.open_item(
            self._session,
            finding=findings[0],
            findings=findings,
            record=self._record,
            owner=FILE_DESK,
            workflow_id=f"erp-file/{self._work.sha256}",
        )
        self._settle(but=found[0].cause)
        files.set_state(self._session, self._file.id, FileState.HELD, self._at)
        return StockStated(held=True, changed=changed, exception_id=item)

    # What it changes

    def _write(self, missing: list[Key], shrunk: StockFinding | None) -> tuple[int, int]:
        closes = closes_absent(self._snapshot, shrunk)
        changed: list[str] = []
        rivals: list[StockFinding] = []
        for block in snapshots.stated(self._session, self._file.id, self._snapshot.source):
            stored = levels.of_keys(self._session, [(row.sku, row.warehouse) for row in block])
            applied = self._restate(stored, block, shrunk)
            changed += self._keep(stored, applied.rows)
            rivals += applied.findings
        gone: list[str] = []
        for keys in _blocks(missing, BLOCK):
            if not closes:
                snapshots.leave_behind(self._session, keys, self._snapshot)
                continue
            stored = levels.of_keys(self._session, keys)
            gone += self._keep(stored, self._restate(stored, [], shrunk).rows)
        self._finish(changed, gone, rivals, closes=closes)
        return len(changed), len(gone)

    def _restate(
        self, stored: dict[Key, StockLevelRow], rows: list[SnapshotRow], shrunk: StockFinding | None
    ) -> Applied:
        known = {one.sku: one for one in self._items(stored)}
        closings = {where: levels.closing_of(feed) for where, feed in self._feeds.items()}
        balances = Balances.model_construct(
            rows=self._balances(stored, known), closings={where: one for where, one in closings.items() if one}
        )
        part = self._snapshot.model_copy(update={"rows": tuple(rows)})
        return restate(balances, part, self._policy, _unit_values(known.values()), shrunk=shrunk)

    def _items(self, stored: Iterable[Key]) -> list[Item]:
        """The items of these rows, where a swing is worth money."""
        if self._policy.swing_percent is None:
            return []
        return list(item_store.get_many(self._session, [sku for sku, _ in stored]).values())

    def _balances(self, stored: dict[Key, StockLevelRow], known: dict[str, Item]) -> dict[str, Balance]:
        """The rows as they stand; what was agreed moves with the shipments since, for those explain a swing."""
        found = {stock_key(*key): levels.balance(row, self._feeds.get(row.warehouse)) for key, row in stored.items()}
        if known:
            moved = movements.since(self._session, list(known), self._oldest, known)
            for (sku, warehouse), moves in moved.items():
                key = stock_key(sku, warehouse)
                if key in found:
                    found[key] = _explained(found[key], moves, self._snapshot.effective_at)
        return found

    def _keep(self, stored: dict[Key, StockLevelRow], outcomes: Sequence[RowOutcome]) -> list[str]:
        """Write what differs, or follows its feed no longer; answers the SKUs whose figures changed."""
        write = [one.after for one in outcomes if one.changed or not _follows(stored, one.after)]
        newest = {where: levels.version_of(feed) for where, feed in self._feeds.items()}
        for warehouse in self._snapshot.warehouses:
            newest[warehouse] = max(newest.get(warehouse, self._snapshot.version), self._snapshot.version)
        levels.write(self._session, write, newest)
        changed = [one for one in outcomes if one.changed]
        note_rows(self._session, changed, self._at)
        return [one.after.sku for one in changed]

    def _finish(self, changed: list[str], gone: list[str], rivals: list[StockFinding], *, closes: bool) -> None:
        session, snapshot = self._session, self._snapshot
        late = [feed.warehouse for feed in self._feeds_here() if feed and (feed.missed or feed.widened)]
        snapshots.move_feeds(session, self._layout.name, snapshot, closing_by(snapshot) if closes else None)
        snapshots.keep_event(
            session, snapshot, snapshot.source, {"changed": len(changed), "absent": len(gone), "closes": closes}
        )
        for one in rivals:
            exceptions.open_item(session, finding=stock_rival(one), record=self._record, owner=FILE_DESK)
        # Marked at the end, after the feeds as everywhere: whoever marks the same item waits until this is over.
        given = {"warehouses": late, "since": self._oldest}
        beside = (marks.OF_WAREHOUSES, marks.ENTANGLED)
        marks.mark_all(session, {*changed, *gone}, beside, "stated by the ERP", **given)


def _follows(stored: dict[Key, StockLevelRow], row: Balance) -> bool:
    known = stored.get((row.sku, row.warehouse))
    return known is not None and known.follows


def _explained(row: Balance, moves: Sequence[Delta], until: datetime) -> Balance:
    if row.agreed is None:
        return row
    since = [one.on_hand for one in moves if row.agreed.effective_at < one.effective_at <= until]
    agreed = row.agreed.model_copy(update={"on_hand": row.agreed.on_hand + sum(since, Decimal(0))})
    return row.model_copy(update={"agreed": agreed})


def _unit_values(known: Iterable[Item]) -> dict[str, Decimal]:
    """Money per base unit, where the item master has a price."""
    return {
        one.sku: one.list_price * one.units_per_sell_uom.denominator / one.units_per_sell_uom.numerator
        for one in known
        if one.list_price is not None
    }


def _blocks(keys: Sequence[Key], size: int) -> Iterator[list[Key]]:
    rest = iter(keys)
    while block := list(islice(rest, size)):
        yield block
