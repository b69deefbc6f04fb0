"""Links in the store: proposed by matching, confirmed by an exact key or a person, retired but never forgotten.

From ours to theirs both roles answer: documents are booked under that record. From theirs to ours only `own` does, and
whoever merges master data asks for `own` alone (case M6).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, and_, delete, exists, or_, select, tuple_, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from domain.errors import Duplicate, Missing
from domain.links import Link, LinkKind, LinkRole, Proposal, check_role
from domain.money import Quantity
from domain.sources import System
from store import cursors
from store.history import page_as_of
from store.paging import DEFAULT_LIMIT, Page, page_of
from store.tables.links import LinkRow, LinkState
from store.upserts import upsert as upsert_rows

BLOCK = 1000
_OTHER_ROLE = "The pair is confirmed in another role: retire it first."


class StoredLink(Link):
    """A link and how it came to be; `version_token` is the other system's version of the last agreed image."""

    state: LinkState
    score: Quantity
    exact: bool
    reason: str
    version_token: str | None
    proposed_at: datetime
    confirmed_by: str | None
    confirmed_at: datetime | None
    retired_at: datetime | None


class Image(BaseModel):
    """The last agreed image of a linked record, and the other system's version of it (three-way merge)."""

    model_config = ConfigDict(frozen=True)

    base: dict[str, Any] | None
    version_token: str | None


def external_ids(
    session: Session, system: System, kind: LinkKind, local_keys: Sequence[str] | None = None
) -> dict[str, str]:
    """The other system's id of each of these records that has a confirmed link; of all records without `local_keys`."""
    return {key: link.external_id for key, link in confirmed(session, system, kind, local_keys).items()}


def own_id(session: Session, system: System, kind: LinkKind, local_key: str) -> str | None:
    """The id of the record there that is this very record of ours: not of one that it is only billed to."""
    link = confirmed(session, system, kind, [local_key]).get(local_key)
    return link.external_id if link is not None and link.role is LinkRole.OWN else None


def confirmed(
    session: Session, system: System, kind: LinkKind, local_keys: Sequence[str] | None = None
) -> dict[str, Link]:
    """The confirmed links of these records by their own key; of all records without `local_keys`."""
    query = select(LinkRow).where(*_scope(system, kind, LinkState.CONFIRMED))
    if local_keys is not None:
        query = query.where(col(LinkRow.local_key).in_(set(local_keys)))
    return {row.local_key: Link.model_validate(row, from_attributes=True) for row in session.scalars(query)}


def local_keys(session: Session, system: System, kind: LinkKind, ids: Sequence[str]) -> dict[str, str]:
    """Our key of each of the other system's records that is one of ours."""
    query = select(col(LinkRow.external_id), col(LinkRow.local_key)).where(
        *_own(system, kind, LinkState.CONFIRMED), col(LinkRow.external_id).in_(set(ids))
    )
    return dict(session.execute(query).all())


def local_keys_ever(session: Session, system: System, kind: LinkKind, ids: Sequence[str]) -> dict[str, str]:
    """The same with aliases: a record whose link was retired counts for that link's record, the latest one of them."""
    query = (
        select(col(LinkRow.external_id), col(LinkRow.local_key))
        .where(*_own(system, kind, LinkState.RETIRED), col(LinkRow.external_id).in_(set(ids)))
        .order_by(col(LinkRow.retired_at))
    )
    return dict(session.execute(query).all()) | local_keys(session, system, kind, ids)


def page(  # noqa: PLR0913 - the ways in which a list is narrowed down
    session: Session,
    *,
    system: System | None = None,
    kind: LinkKind | None = None,
    state: LinkState | None = None,
    role: LinkRole | None = None,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[StoredLink]:
    """Links in the order of system, kind and our key."""
    query = select(LinkRow)
    columns = (LinkRow.system, LinkRow.kind, LinkRow.state, LinkRow.role)
    for column, wanted in zip(columns, (system, kind, state, role), strict=True):
        if wanted is not None:
            query = query.where(col(column) == wanted.value)
    keys = [col(LinkRow.system), col(LinkRow.kind), col(LinkRow.local_key), col(LinkRow.external_id)]
    return page_of(session, query, keys, limit=limit, cursor=cursor).of(_stored)


def past_page(
    session: Session,
    at: datetime,
    alike: Mapping[str, str],
    *,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[StoredLink]:
    """Links as they stood at a time; `alike`: the system, kind, state or role that they had then."""
    return page_as_of(session, LinkRow, at, limit=limit, cursor=cursor, alike=alike).of(_stored)


def replace_proposals(session: Session, system: System, kind: LinkKind, proposals: Iterable[Proposal]) -> int:
    """Put these proposals in place of the former ones; pairs that were confirmed or retired stay as they are.

    Answers how many proposals stand now.
    """
    rows = [{**proposal.model_dump(exclude={"local_name"}), "state": LinkState.PROPOSED} for proposal in proposals]
    pairs = [(row["local_key"], row["external_id"]) for row in rows]
    gone = delete(LinkRow).where(*_scope(system, kind, LinkState.PROPOSED))
    if pairs:
        gone = gone.where(tuple_(col(LinkRow.local_key), col(LinkRow.external_id)).not_in(pairs))
    session.execute(gone.execution_options(synchronize_session=False))
    upsert_rows(session, LinkRow, rows, guard="stored.state = 'proposed'")
    return len(session.execute(_keys().where(*_scope(system, kind, LinkState.PROPOSED))).all())


def confirm(session: Session, link: Link, by: str, at: datetime) -> Link:
    """Confirm a pair that was proposed (or retired). Confirming it again changes nothing.

    Raises Missing for a pair that nobody proposed and Duplicate where either side has another confirmed link, or the
    pair one of another role.
    """
    check_role(link)
    row = session.get(LinkRow, _identity(link), with_for_update=True, populate_existing=True)
    if row is None:
        raise Missing("This pair was never proposed.", reason="link")
    if row.state != LinkState.CONFIRMED:
        row.state, row.confirmed_by, row.confirmed_at, row.retired_at = LinkState.CONFIRMED.value, by, at, None
        row.role = link.role.value
        session.flush()
        _drop_rivals(session)
        _read_again(session, link.system, link.kind)
    elif row.role != link.role:
        raise Duplicate(_OTHER_ROLE, reason="link_role")
    return Link.model_validate(row, from_attributes=True)


def accept_exact(session: Session, system: System, kind: LinkKind, by: str, at: datetime) -> list[Link]:
    """Confirm every exact proposal that is the only exact one of both its sides and meets no confirmed link.

    A record that others of ours are billed to may be one of ours all the same.
    """
    rival = aliased(LinkRow)
    same_side = _meets(rival)
    itself = and_(col(rival.local_key) == col(LinkRow.local_key), col(rival.external_id) == col(LinkRow.external_id))
    stands = or_(
        col(rival.state) == LinkState.CONFIRMED.value,
        and_(col(rival.state) == LinkState.PROPOSED.value, col(rival.exact)),
    )
    blocked = exists().where(
        col(rival.system) == system.value, col(rival.kind) == kind.value, same_side, ~itself, stands
    )
    accepted = session.scalars(
        update(LinkRow)
        .where(*_scope(system, kind, LinkState.PROPOSED), col(LinkRow.exact), ~blocked)
        .values(state=LinkState.CONFIRMED.value, confirmed_by=by, confirmed_at=at)
        .returning(LinkRow),
        execution_options={"synchronize_session": False, "populate_existing": True},
    ).all()
    _drop_rivals(session)
    if accepted:
        _read_again(session, system, kind)
    return [Link.model_validate(row, from_attributes=True) for row in accepted]


def import_links(session: Session, links: Iterable[Link], by: str, at: datetime) -> int:
    """Confirm pairs that a person brings, proposed or not; answers how many were not confirmed before.

    Raises Duplicate where either side of a pair has another confirmed link, or the pair one of another role: then
    nothing is imported.
    """
    given = list(links)
    for link in given:
        check_role(link)
    rows = [
        {
            **link.model_dump(),
            "state": LinkState.CONFIRMED,
            "score": 1,
            "exact": False,
            "reason": "imported",
            "confirmed_by": by,
            "confirmed_at": at,
            "retired_at": None,
        }
        for link in given
    ]
    written = upsert_rows(session, LinkRow, rows, guard="stored.state <> 'confirmed'")
    _check_roles(session, [one for one in given if _identity(one) not in written])
    _drop_rivals(session)
    for system, kind in sorted({(str(row[0]), str(row[1])) for row in written}):
        _read_again(session, System(system), LinkKind(kind))
    return len(written)


def retire(session: Session, link: Link, at: datetime) -> bool:
    """Stop using a confirmed link; it is kept as an alias. False where it was not in use."""
    done = session.execute(
        update(LinkRow)
        .where(*_scope(link.system, link.kind, LinkState.CONFIRMED))
        .where(col(LinkRow.local_key) == link.local_key, col(LinkRow.external_id) == link.external_id)
        .values(state=LinkState.RETIRED.value, retired_at=at)
        .returning(col(LinkRow.local_key)),
        execution_options={"synchronize_session": False},
    )
    return done.first() is not None


def move(session: Session, link: Link, external_id: str, name: str, at: datetime) -> Link | None:
    """Follow a merge in the other system: the link goes over to the record that is left, the old one stays as an alias.

    None where that record is another one of ours, and this link stays. Whoever is billed to the record goes over in
    any case (case M6). Retiring the new pair and confirming the old one takes it back (case M4).
    """
    move_billed(session, link.system, link.kind, link.external_id, external_id, at)
    taken = local_keys(session, link.system, link.kind, [external_id])
    if taken.get(external_id, link.local_key) != link.local_key:
        return None
    retire(session, link, at)
    moved = link.model_copy(update={"external_id": external_id, "external_name": name})
    import_links(session, [moved], f"merged from {link.external_id}", at)
    return moved


def billed_to(session: Session, system: System, kind: LinkKind, external_id: str) -> list[Link]:
    """The links of those who are billed to this record of the other system, in the order of our keys."""
    query = select(LinkRow).where(
        *_scope(system, kind, LinkState.CONFIRMED),
        col(LinkRow.external_id) == external_id,
        col(LinkRow.role) == LinkRole.BILLED_TO.value,
    )
    found = session.scalars(query.order_by(col(LinkRow.local_key)))
    return [Link.model_validate(row, from_attributes=True) for row in found]


def move_billed(session: Session, system: System, kind: LinkKind, loser: str, winner: str, at: datetime) -> int:
    """Let everybody who is billed to a record be billed to the one that it was merged into; answers how many."""
    going = [one for one in billed_to(session, system, kind, loser) if retire(session, one, at)]
    if going:
        moved = [one.model_copy(update={"external_id": winner}) for one in going]
        import_links(session, moved, f"merged from {loser}", at)
    return len(going)


def rows_of(session: Session, kind: LinkKind, local_key: str) -> dict[System, LinkRow]:
    """The records of other systems that are this very record of ours, by system."""
    query = select(LinkRow).where(
        col(LinkRow.kind) == kind.value,
        col(LinkRow.local_key) == local_key,
        col(LinkRow.state) == LinkState.CONFIRMED.value,
        col(LinkRow.role) == LinkRole.OWN.value,
    )
    return {System(row.system): row for row in session.scalars(query)}


def rows_by_external_id(session: Session, system: System, kind: LinkKind, ids: Sequence[str]) -> dict[str, LinkRow]:
    """The links of another system's records that are ours, by its ids."""
    query = select(LinkRow).where(*_own(system, kind, LinkState.CONFIRMED), col(LinkRow.external_id).in_(set(ids)))
    return {row.external_id: row for row in session.scalars(query)}


def image_of(session: Session, link: Link) -> Image | None:
    """The last agreed image of a linked record, or None for an unknown link."""
    row = session.get(LinkRow, _identity(link), populate_existing=True)
    return None if row is None else Image(base=row.base, version_token=row.version_token)


def save_image(session: Session, link: Link, image: Image) -> None:
    """Keep what both sides have agreed on; raises Missing for an unknown link."""
    row = session.get(LinkRow, _identity(link), with_for_update=True, populate_existing=True)
    if row is None:
        raise Missing("There is no such link.", reason="link")
    row.base, row.version_token = image.base, image.version_token
    session.flush()


def _drop_rivals(session: Session) -> None:
    """Proposals for a record that now has a confirmed link are no use to anybody."""
    winner = aliased(LinkRow)
    settled = exists().where(
        col(winner.system) == col(LinkRow.system),
        col(winner.kind) == col(LinkRow.kind),
        col(winner.state) == LinkState.CONFIRMED.value,
        _meets(winner),
    )
    dropping = delete(LinkRow).where(col(LinkRow.state) == LinkState.PROPOSED.value, settled)
    session.execute(dropping.execution_options(synchronize_session=False))


def _read_again(session: Session, system: System, kind: LinkKind) -> None:
    """What is linked now was passed over so far: the next sweep reads everything, and adopts it as it stands."""
    cursors.rewind(session, cursors.masters(system, kind), None)


def _meets(other: type[LinkRow]) -> ColumnElement[bool]:
    """Whether another link has a side of this one: ours in any role, theirs where it is a record's own."""
    theirs = and_(col(other.external_id) == col(LinkRow.external_id), col(other.role) == LinkRole.OWN.value)
    return or_(col(other.local_key) == col(LinkRow.local_key), theirs)


def _check_roles(session: Session, given: Sequence[Link]) -> None:
    """A pair that stands in another role than was asked for is refused, not passed over."""
    wanted = {_identity(link): link.role for link in given}
    key = tuple_(*(col(one) for one in (LinkRow.system, LinkRow.kind, LinkRow.local_key, LinkRow.external_id)))
    asked = list(wanted)
    for first in range(0, len(asked), BLOCK):
        for row in session.scalars(select(LinkRow).where(key.in_(asked[first : first + BLOCK]))):
            if row.role != wanted[row.system, row.kind, row.local_key, row.external_id]:
                raise Duplicate(_OTHER_ROLE, reason="link_role")


def _own(system: System, kind: LinkKind, state: LinkState) -> tuple[Any, ...]:
    return (*_scope(system, kind, state), col(LinkRow.role) == LinkRole.OWN.value)


def _scope(system: System, kind: LinkKind, state: LinkState) -> tuple[Any, ...]:
    return (
        col(LinkRow.system) == system.value,
        col(LinkRow.kind) == kind.value,
        col(LinkRow.state) == state.value,
    )


def _keys() -> Any:
    return select(col(LinkRow.local_key), col(LinkRow.external_id))


def _identity(link: Link) -> tuple[str, str, str, str]:
    return (link.system.value, link.kind.value, link.local_key, link.external_id)


def _stored(row: LinkRow) -> StoredLink:
    return StoredLink.model_validate(row, from_attributes=True)
