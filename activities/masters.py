"""Activities of masters: customers and items of the ERP are brought into the canonical store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from sqlalchemy import Engine
from sqlmodel import Session
from temporalio import activity

from activities.boundary import at_boundary, beating
from activities.master_sides import state_home
from domain.customers import Customer
from domain.errors import Malformed
from domain.files import Entity, StagedGroup
from domain.items import Item
from domain.links import LinkKind
from domain.master_fields import customer_with, item_with, of_customer, of_item
from domain.work import FileWork, MastersApplied
from store import amendments, customers, files, items, master_marks, masters, staging
from store.causes import Cause, CauseSource
from store.files import SourceFile
from store.session import reading, transaction
from store.stock import marks

BLOCK = 1000  # rows a transaction

Writer = Callable[[Session, Sequence[StagedGroup], str], int]


def _write_customers(session: Session, groups: Sequence[StagedGroup], _: str) -> int:
    stated = {one.number: one for one in (Customer.model_validate(group.payload) for group in groups)}
    kept = state_home(session, LinkKind.CUSTOMER, {key: of_customer(one) for key, one in stated.items()})
    written = customers.upsert(session, [customer_with(one, kept.get(key, {})) for key, one in stated.items()])
    master_marks.mark_linked(session, LinkKind.CUSTOMER, written, "the ERP's customer master changed")
    return len(written)


def _write_items(session: Session, groups: Sequence[StagedGroup], currency: str) -> int:
    stated = {one.sku: one for one in (Item.model_validate(group.payload) for group in groups)}
    kept = state_home(session, LinkKind.ITEM, {key: of_item(one, currency) for key, one in stated.items()})
    written = items.upsert(session, [item_with(one, kept.get(key, {})) for key, one in stated.items()])
    master_marks.mark_linked(session, LinkKind.ITEM, written, "the ERP's item master changed")
    marks.mark_found(session, marks.KNOWN, "the item master changed", skus=written)
    return len(written)


WRITERS: dict[Entity, Writer] = {Entity.CUSTOMER_MASTER: _write_customers, Entity.ITEM_MASTER: _write_items}


class MasterActivities:
    """Steps that write masters into the store. `currency` is that of the ERP's list prices."""

    def __init__(self, engine: Engine, currency: str = "USD") -> None:
        self._engine, self._currency = engine, currency

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def load_master(self, work: FileWork) -> MastersApplied:
        """Write the rows of a master that are new or differ, a block at a time; running it again writes nothing.

        A file that is older than another one changes nothing of what that one states.
        """
        with beating():
            with reading(self._engine) as session:
                file = files.get(session, UUID(work.file_id))
                count = staging.count(session, UUID(work.file_id))
            entity = file.entity if file else None
            if file is None or entity not in WRITERS:
                raise Malformed(f"File {work.filename} is no master: {entity}.", file_id=work.file_id)
            written = 0
            for first in range(1, count + 1, BLOCK):
                written += self._write(work, file, entity, first, first + BLOCK - 1)
                activity.heartbeat(first)
        return MastersApplied(entity=entity, written=written, unchanged=count - written)

    def _write(self, work: FileWork, file: SourceFile, entity: Entity, seq_from: int, seq_to: int) -> int:
        """Write a block, but for records that a newer file has stated (case F7)."""
        cause = Cause(
            source=CauseSource.ERP,
            actor="worker",
            reference={"file_id": work.file_id, "seq_from": seq_from, "seq_to": seq_to},
            workflow_id=activity.info().workflow_id,
        )
        with transaction(self._engine, cause) as session:
            groups = staging.groups(session, file.id, seq_from, seq_to)
            current = masters.state(
                session,
                entity,
                [group.key for group in groups],
                file.created_at or amendments.as_it_came(session, file).received_at,
            )
            return WRITERS[entity](session, [group for group in groups if group.key in current], self._currency)
