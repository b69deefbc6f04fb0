"""Proposing links at first contact: pairs of our records and another system's, scored, and which are exact."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from difflib import SequenceMatcher
from heapq import nsmallest

from pydantic import BaseModel, ConfigDict

from domain.customers import normal_name
from domain.links import Candidate, LinkKind, Proposal

LIKELY = Decimal("0.72")  # a name pair below this is noise to whoever reads the proposals
BLOCK_LIMIT = 200  # names that share a word with more candidates than this are compared by other words only
COMPARISONS = 20  # a record is compared with at most so many candidates
_RAREST = 1_000_000  # the weight of a word that only one candidate has


class LocalRecord(BaseModel):
    """One of our records as matching sees it; `strong_key` as in `Candidate`."""

    model_config = ConfigDict(frozen=True)

    kind: LinkKind
    key: str
    name: str
    strong_key: str | None = None


def propose(records: Sequence[LocalRecord], candidates: Sequence[Candidate]) -> list[Proposal]:
    """Propose at most one pair per record, best score first; exact by the contract's strong keys, unique on both sides.

    A strong key held by two records of either side is never exact (M3). The order of the inputs does not matter.
    Nothing is written.
    """
    by_strong = _pairs_by_strong_key(records, candidates)
    used = {proposal.external_id for proposal in by_strong}
    settled = {proposal.local_key for proposal in by_strong}
    rest = [record for record in records if record.key not in settled]
    free = [candidate for candidate in candidates if candidate.external_id not in used]
    proposals = [*by_strong, *_pairs_by_name(rest, free)]
    return sorted(proposals, key=lambda one: (-one.score, one.local_key))


def _pairs_by_strong_key(records: Sequence[LocalRecord], candidates: Sequence[Candidate]) -> list[Proposal]:
    key_of = _key_reader(candidates)
    theirs: defaultdict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        theirs[key_of(candidate)].append(candidate)
    keyed = [(record, key_of(record)) for record in records]
    ours = Counter(key for _, key in keyed)
    pairs = (_strong_pair(record, theirs.get(key, []), ours[key]) for record, key in keyed if key)
    return [proposal for proposal in pairs if proposal]


def _key_reader(candidates: Sequence[Candidate]) -> Callable[[LocalRecord | Candidate], str]:
    """One kind of key for both sides: the strong key, or the customer's name where that system keeps none."""
    if any(candidate.strong_key is not None for candidate in candidates):
        return lambda record: record.strong_key or ""
    return lambda record: normal_name(record.name) if record.kind is LinkKind.CUSTOMER else ""


def _strong_pair(record: LocalRecord, matches: list[Candidate], ours: int) -> Proposal | None:
    if not matches:
        return None
    first = min(matches, key=lambda one: (not one.active, one.external_id))
    exact = len(matches) == 1 and ours == 1 and first.active
    reason = "same key on both sides" if exact else _why_not_exact(len(matches), ours)
    return _proposal(record, first, Decimal(1) if exact else Decimal("0.9"), reason, exact=exact)


def _why_not_exact(theirs: int, ours: int) -> str:
    if theirs > 1:
        return f"{theirs} records there have this key"
    return f"{ours} of our records have this key" if ours > 1 else "the record there is inactive"


def _pairs_by_name(records: Sequence[LocalRecord], candidates: Sequence[Candidate]) -> list[Proposal]:
    """Near names, compared only where they share a word, so that thousands stay affordable."""
    names = {candidate.external_id: normal_name(candidate.name) for candidate in candidates}
    by_id = {candidate.external_id: candidate for candidate in candidates}
    words: defaultdict[str, list[str]] = defaultdict(list)
    for external_id, name in names.items():
        for word in set(name.split()):
            words[word].append(external_id)
    proposals = []
    for record in records:
        name = normal_name(record.name)
        scored = [(_similarity(names[one], name), one) for one in _nearest(name, words)]
        score, best = max(scored, default=(Decimal(0), ""))
        if score >= LIKELY:
            proposals.append(_proposal(record, by_id[best], score, "similar name", exact=False))
    return proposals


def _nearest(name: str, words: Mapping[str, Sequence[str]]) -> list[str]:
    """The ids worth a comparison: those that share the rarest words, at most `COMPARISONS` of them."""
    weights: Counter[str] = Counter()
    for word in set(name.split()):
        sharing = words.get(word, ())
        if len(sharing) <= BLOCK_LIMIT:
            for external_id in sharing:
                weights[external_id] += _RAREST // len(sharing)
    return nsmallest(COMPARISONS, weights, key=lambda one: (-weights[one], one))


def _similarity(left: str, right: str) -> Decimal:
    """How alike two names are, 0 to 1; 0 as soon as they cannot reach `LIKELY`."""
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    if min(matcher.real_quick_ratio(), matcher.quick_ratio()) < LIKELY:
        return Decimal(0)
    return Decimal(str(round(matcher.ratio(), 3)))


def _proposal(record: LocalRecord, candidate: Candidate, score: Decimal, reason: str, *, exact: bool) -> Proposal:
    return Proposal(
        kind=record.kind,
        system=candidate.system,
        local_key=record.key,
        local_name=record.name,
        external_id=candidate.external_id,
        external_name=candidate.name,
        score=score,
        exact=exact,
        reason=reason,
    )
