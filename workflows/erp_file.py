"""`erp-file/<sha256>`: a file that the ERP exported is read, checked, applied, and each shipment in it billed."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, ChildWorkflowError, WorkflowAlreadyStartedError
from temporalio.workflow import ParentClosePolicy

from domain.exceptions import Cause
from domain.files import Entity
from domain.work import FileProgress, FileReading, FileTrouble, FileWork, RangeWork, StockWork, Wake
from runtime.names import SOURCE_FILE
from workflows import policies

with workflow.unsafe.imports_passed_through():
    from activities.erp_file import FileActivities
    from activities.masters import MasterActivities
    from activities.stating import StatingActivities
    from activities.waiting import WaitingActivities
    from workflows.shipments import ShipmentRange

CHUNK = 30  # shipments per range: as many as one QuickBooks batch takes
WINDOW = 3  # ranges under way at once: more only queue up behind the vendor's rate limit

MASTER_CAUSES = [
    Cause.UNKNOWN_CUSTOMER,
    Cause.UNKNOWN_ITEM,
    Cause.UNIT_DIFFERS,
    Cause.TERMS_UNKNOWN,
]


def workflow_id(sha256: str) -> str:
    """The workflow of a file is named by its content."""
    return f"erp-file/{sha256}"


@workflow.defn(name="ErpFile")
class ErpFile:
    """One file's way from bytes to applied records."""

    @workflow.init
    def __init__(self, work: FileWork) -> None:
        self._work = work
        self._progress = FileProgress(state="received", group_count=work.group_count, groups_done=work.next_seq - 1)
        self._failed = list(work.failed)
        self._looks = 0

    @workflow.run
    async def run(self, work: FileWork) -> FileProgress:
        """Read, check, apply, fan out; a file that cannot be read whole changes nothing."""
        try:
            return await self._go_on(work) if work.next_seq > 1 else await self._begin(work)
        except (ActivityError, ApplicationError) as error:
            await self._note_failure(error)
            raise

    async def _begin(self, work: FileWork) -> FileProgress:
        workflow.upsert_search_attributes([SOURCE_FILE.value_set(work.filename[:200])])
        reading = await self._read()
        if reading.refused or await self._refused_for_its_sequence():
            return self._now("refused", waiting_for=reading.exception_id)
        if reading.entity is Entity.SHIPMENT_CONFIRMATION:
            return await self._bill(1, reading.group_count)
        if reading.entity is Entity.INVENTORY_SNAPSHOT:
            return await self._state_stock(reading)
        if reading.entity is Entity.ORDER_ACK:
            return await self._state_acknowledgements(reading)
        if reading.entity is Entity.RETURNS:
            return await self._state_returns(reading)
        return await self._load_master(reading)

    async def _go_on(self, work: FileWork) -> FileProgress:
        return await self._bill(work.next_seq, work.group_count)

    async def _note_failure(self, error: ActivityError | ApplicationError) -> None:
        """What trying again did not cure is work for a person, not only a failed workflow."""
        cause = error.cause if isinstance(error, ActivityError) and error.cause else error
        trouble = FileTrouble(work=self._work, why=str(cause)[:500])
        item = await workflow.execute_local_activity_method(
            FileActivities.note_failure, trouble, **policies.STORE_STEP.local_options()
        )
        self._now("failed", waiting_for=item)

    @workflow.query
    def status(self) -> FileProgress:
        """Where the file is."""
        return self._progress

    @workflow.signal
    def recheck(self) -> None:
        """Somebody decided, or something changed: look again."""
        self._looks += 1

    async def _read(self) -> FileReading:
        self._now("reading")
        reading: FileReading = await workflow.execute_activity_method(
            FileActivities.read_source_file, self._work, **policies.READ_FILE.options()
        )
        self._progress = FileProgress(state="read", group_count=reading.group_count)
        return reading

    async def _refused_for_its_sequence(self) -> bool:
        """Two files with one sequence are a conflict: wait until a person says which one counts (F6)."""
        while True:
            seen = self._looks
            check = await workflow.execute_local_activity_method(
                FileActivities.check_sequence, self._work, **policies.STORE_STEP.local_options()
            )
            if not check.held:
                return bool(check.refused)
            await self._hold(check.exception_id, seen)

    async def _hold(self, exception_id: str | None, seen: int) -> None:
        """Wait until somebody decides, or for a while: the reason may go away by itself."""
        self._now("held", waiting_for=exception_id)
        with suppress(TimeoutError):
            await workflow.wait_condition(lambda: self._looks > seen, timeout=policies.LOOK_AGAIN_AFTER)
        if workflow.info().is_continue_as_new_suggested():
            workflow.continue_as_new(self._work)

    async def _state_stock(self, reading: FileReading) -> FileProgress:
        """Apply a stock export; one that cannot be believed waits for a person, or for a newer one."""
        while True:
            seen = self._looks
            self._now("applying")
            stated = await workflow.execute_activity_method(
                StatingActivities.state_stock, self._work, **policies.STORE_BULK.options()
            )
            if stated.refused:
                return self._now("refused")
            if stated.reread:  # another export was applied while this one was read: compare it with none
                self._work = self._work.model_copy(update={"whole": True})
                await self._read()
                continue
            if not stated.inert:
                await self._wake_stock()
            if not stated.held:
                return await self._applied(reading.group_count)
            await self._hold(stated.exception_id, seen)

    async def _state_acknowledgements(self, reading: FileReading) -> FileProgress:
        """Keep what the ERP says of orders: promises stand on it."""
        self._now("applying")
        await workflow.execute_activity_method(
            StatingActivities.state_acknowledgements, self._work, **policies.STORE_BULK.options()
        )
        await self._wake_stock()
        return await self._applied(reading.group_count)

    async def _state_returns(self, reading: FileReading) -> FileProgress:
        """Keep what came back; the orders that it is news of are looked at, and their flows woken."""
        self._now("applying")
        await workflow.execute_activity_method(
            StatingActivities.state_returns, self._work, **policies.STORE_BULK.options()
        )
        await self._wake_stock()
        return await self._applied(reading.group_count)

    async def _wake_stock(self) -> None:
        await workflow.execute_activity_method(
            WaitingActivities.wake_stock, StockWork(), **policies.STORE_BULK.options()
        )

    async def _load_master(self, reading: FileReading) -> FileProgress:
        self._now("applying")
        await workflow.execute_activity_method(
            MasterActivities.load_master, self._work, **policies.STORE_BULK.options()
        )
        await workflow.execute_activity_method(
            WaitingActivities.wake, Wake(causes=MASTER_CAUSES), **policies.STORE_BULK.options()
        )
        return await self._applied(reading.group_count)

    async def _bill(self, next_seq: int, group_count: int) -> FileProgress:
        """Bill the file's shipments, a range at a time, a few ranges at once, in a history of bounded size."""
        self._progress = FileProgress(state="applying", group_count=group_count, groups_done=next_seq - 1)
        running: set[asyncio.Task[None]] = set()
        for seq_from in range(next_seq, group_count + 1, CHUNK):
            if len(running) >= WINDOW:
                _, pending = await workflow.wait(running, return_when=asyncio.FIRST_COMPLETED)
                running = set(pending)
            if workflow.info().is_continue_as_new_suggested():
                await asyncio.gather(*running)
                rest = {"next_seq": seq_from, "group_count": group_count, "failed": self._failed}
                workflow.continue_as_new(self._work.model_copy(update=rest))
            running.add(asyncio.create_task(self._bill_range(seq_from, min(seq_from + CHUNK - 1, group_count))))
        await asyncio.gather(*running)
        self._fail_for_its_ranges()
        return await self._applied(group_count)

    async def _bill_range(self, seq_from: int, seq_to: int) -> None:
        work = RangeWork(file_id=self._work.file_id, sha256=self._work.sha256, seq_from=seq_from, seq_to=seq_to)
        try:
            await workflow.execute_child_workflow(
                ShipmentRange.run,
                work,
                id=ShipmentRange.workflow_id(work),
                parent_close_policy=ParentClosePolicy.ABANDON,
            )
        except WorkflowAlreadyStartedError:
            workflow.logger.info("range is under way already", extra={"range": f"{seq_from}-{seq_to}"})
        except ChildWorkflowError:
            self._failed.append(f"{seq_from}-{seq_to}")
            return
        self._progress = self._progress.model_copy(
            update={"groups_done": self._progress.groups_done + seq_to - seq_from + 1}
        )

    def _fail_for_its_ranges(self) -> None:
        """A range that failed never holds up the others, but a file with one is not applied: its workflow fails."""
        if self._failed:
            raise ApplicationError(
                f"Shipments {', '.join(self._failed)} of file {self._work.filename} could not be worked on; the others "
                "were.",
                type="ranges_failed",
                non_retryable=True,
            )

    async def _applied(self, group_count: int) -> FileProgress:
        await workflow.execute_local_activity_method(
            FileActivities.finish_file, self._work, **policies.STORE_STEP.local_options()
        )
        self._progress = FileProgress(state="applied", group_count=group_count, groups_done=group_count)
        return self._progress

    def _now(self, state: str, waiting_for: str | None = None) -> FileProgress:
        self._progress = self._progress.model_copy(update={"state": state, "waiting_for": waiting_for})
        return self._progress
