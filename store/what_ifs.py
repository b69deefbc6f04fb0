"""What a draft of the rules would change of the decisions that are kept: a page of one kind, or the newest of all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from sqlmodel import Session

from domain.errors import Malformed
from domain.policies import Policy
from domain.reruns import Rerun
from domain.what_if import WhatIf, WhatIfPart, part_of, whole_of
from store import reruns
from store.paging import Page

BLOCK = 200
NEWEST = 1000  # decisions of each kind that a proposal looks at; the command looks at all
FIRST = 20  # told one by one, of each kind


class Stretch(NamedTuple):
    """Decisions of one kind that were made again, and the place where to go on; None: nothing is left."""

    kind: str
    made: Sequence[Rerun]
    complete: bool
    place: str | None


def stretch(kinds: Sequence[str], read: Callable[[str, str | None], Page[Rerun]], place: str | None) -> Stretch:
    """One page of one kind; `place` names the kind and where in it. Raises Malformed for one of no walk."""
    kind, _, cursor = (place or kinds[0]).partition(":")
    if kind not in kinds:
        raise Malformed("The place to go on from is not one of this list.", reason="cursor")
    found = read(kind, cursor or None)
    if found.next_cursor is not None:
        return Stretch(kind, found.items, complete=False, place=f"{kind}:{found.next_cursor}")
    after = kinds[kinds.index(kind) + 1 :]
    return Stretch(kind, found.items, complete=True, place=after[0] if after else None)


def part(
    session: Session, policy: Policy, place: str | None, *, limit: int, first: int
) -> tuple[WhatIfPart, str | None]:
    """The next part, and the place where to go on."""

    def read(kind: str, cursor: str | None) -> Page[Rerun]:
        return reruns.under(session, kind, policy, limit=limit, cursor=cursor)

    found = stretch(reruns.BY_RULES[policy.kind], read, place)
    return part_of(found.kind, found.made, first=first, complete=found.complete), found.place


def newest(session: Session, policy: Policy) -> WhatIf:
    """What a draft would change of the newest decisions of each kind."""
    named = (policy.kind, policy.version, policy.digest)
    return whole_of(named, (_newest(session, policy, kind) for kind in reruns.BY_RULES[policy.kind]))


def _newest(session: Session, policy: Policy, kind: str) -> WhatIfPart:
    total, place = part(session, policy, kind, limit=BLOCK, first=FIRST)
    while not total.complete and total.checked < NEWEST and place is not None:
        more, place = part(session, policy, place, limit=BLOCK, first=FIRST - len(total.first))
        total += more
    return total
