"""What a merge asks of people, in their words, and what their answers mean for the next merge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from domain.errors import Malformed
from domain.exceptions import Cause, Choice, ExceptionItem, ExceptionKind, Finding, Resolution
from domain.links import LinkKind
from domain.master_fields import FIELDS, read_typed
from domain.master_values import Comparator, Value
from domain.merge_cases import FieldOutcome, Reason, Ruling
from domain.merging import Gone, MergeInput, MergeOutcome, SideState
from domain.ownership import FieldRule
from domain.sources import System
from domain.statements import MESSAGE_LIMIT

RECORD_TYPE = "master"  # exceptions of the merge: `customer/<number>/<field or system>`
FIELD_CAUSES = (Cause.MASTER_CONFLICT, Cause.MASTER_FLAPPING)
SIDE_CAUSES = (Cause.MASTER_DELETED, Cause.MASTER_INACTIVE, Cause.MASTER_REFUSED)
TOLD_OF = (*FIELD_CAUSES, *SIDE_CAUSES)  # what a rep reads on the record; that it could not be written there is no news
WORDS = "words"  # what the exception is about that says so
_WHY = {
    Reason.CONFLICT: "the rules leave this to a person",
    Reason.TIME_UNSURE: "the clocks cannot tell which change is newer",
    Reason.FLAPPING: "it keeps going back and forth, so nothing is written any more",
}
_WORDS = {System.ERP: "the ERP", System.QUICKBOOKS: "QuickBooks", System.SALESFORCE: "Salesforce"}
_SHOWN = 120
# What a rep reads on a record whose questions do not fit there at length: each by what it is about.
_SHORT = {
    Cause.MASTER_CONFLICT: "the systems disagree; master data decides which is right",
    Cause.MASTER_FLAPPING: "keeps going back and forth; stop what sets it back, then master data decides",
    Cause.MASTER_DELETED: "the record was deleted there; restore it, or have the link retired",
    Cause.MASTER_INACTIVE: "the record is inactive there; make it active again, or have the link retired",
    Cause.MASTER_REFUSED: "it was refused there; mend it, then master data retries",
}


def record_key(kind: LinkKind, key: str, about: str) -> str:
    """The key of an exception about a field, or about a record in one system."""
    return f"{kind.value}/{key}/{about}"


def split_key(text: str) -> tuple[LinkKind, str, str]:
    """The kind, our own key (which may hold slashes), and the field or system that an exception is about."""
    kind, _, rest = text.partition("/")
    key, _, about = rest.rpartition("/")
    return LinkKind(kind), key, about


def questions(given: MergeInput, outcome: MergeOutcome) -> dict[str, Finding]:
    """Every question of a decision, by what it is about. `subject` of a field's question is its fingerprint."""
    fields = {one.field: _field_question(given, one) for one in outcome.conflicts}
    gone = {one.system.value: _gone_question(given, one) for one in outcome.gone}
    return {**fields, **gone}


def record_words(open_items: Sequence[ExceptionItem]) -> str:
    """What the record in Salesforce says of its open questions: at length where that fits, in short otherwise."""
    whole = " ".join(one.sentence for one in open_items)
    if len(whole) <= MESSAGE_LIMIT:
        return whole
    parts = [f"{split_key(one.record_key)[2]}: {_SHORT[one.cause]}." for one in open_items]
    count = f"{len(parts)} questions. " if len(parts) > 1 else ""
    return count + " ".join(parts)


def refusal(given: MergeInput, system: System, external_id: str, detail: str) -> Finding:
    """A system refused for good what was to be written."""
    sentence = (
        f"{_word(system)} refused what was agreed of {given.kind} {given.key}: {detail} Mend it there, or confirm "
        "another link; retry writes it again."
    )
    return Finding(
        kind=ExceptionKind.DEAD_LETTER,
        cause=Cause.MASTER_REFUSED,
        sentence=sentence,
        choices=(Choice.RETRY, Choice.RETIRE_LINK),
        subject=external_id,
    )


def untold(kind: LinkKind, key: str, reason: str, detail: str) -> Finding:
    """Salesforce refuses for good that a record says what waits about it."""
    sentence = (
        f"Salesforce refused what the gateway says on {kind} {key} of open questions ({reason}): {detail} "
        "Mend the record or the rule there, then retry."
    )
    return Finding(
        kind=ExceptionKind.DEAD_LETTER,
        cause=Cause.PUBLICATION_REJECTED,
        sentence=sentence,
        choices=(Choice.RETRY,),
    )


def ruling(field: str, found: Resolution, fingerprint: str, rule: FieldRule, kind: LinkKind) -> Ruling:
    """What a person's decision means for the field that it was about."""
    take = System(found.value) if found.choice is Choice.TAKE_SYSTEM and found.value else None
    value: Value = None
    if found.choice is Choice.USE_VALUE:
        value = read_typed(kind, field, found.value or "", rule.comparator)
    return Ruling(field=field, fingerprint=fingerprint, take=take, value=value, decided_by=found.decided_by)


def check_answer(about: str, choice: Choice, value: str | None) -> None:
    """Raise Malformed for an answer that cannot be meant: a system that does not keep the field, a wrong value."""
    kind, _, field = split_key(about)
    if choice is Choice.USE_VALUE:
        read_typed(kind, field, value or "", Comparator.TEXT)
    if choice is Choice.TAKE_SYSTEM and value not in {one.value for one in FIELDS[kind][field].kept_by}:
        known = ", ".join(one.value for one in FIELDS[kind][field].kept_by)
        raise Malformed(f"Name one of the systems that keep this field: {known}.", reason="value")


def _field_question(given: MergeInput, one: FieldOutcome) -> Finding:
    conflict = one.conflict
    said = "; ".join(f"{_word(said.system)} has {_shown(said.value)}" for said in conflict.said) if conflict else ""
    flaps = one.reason is Reason.FLAPPING
    sentence = (
        f"{one.field} of {given.kind} {given.key}: {said}; agreed was {_shown(one.value)}. It waits because "
        f"{_WHY[one.reason]}. Take one system's value or give another; everything else of the record goes on."
    )
    return Finding(
        kind=ExceptionKind.CONFLICT,
        cause=Cause.MASTER_FLAPPING if flaps else Cause.MASTER_CONFLICT,
        sentence=sentence,
        choices=(Choice.TAKE_SYSTEM, Choice.USE_VALUE),
        subject=conflict.fingerprint if conflict else None,
    )


def _gone_question(given: MergeInput, one: Gone) -> Finding:
    word = _word(one.system)
    if one.merged_into and one.system is System.QUICKBOOKS:
        return _merged_question(given, one)
    if one.state is SideState.INACTIVE:
        sentence = (
            f"{given.kind} {given.key} is inactive in {word} ({one.external_id}), so nothing is written there. Make it "
            "active again, or retire the link and confirm another one."
        )
        return Finding(
            kind=ExceptionKind.HOLD,
            cause=Cause.MASTER_INACTIVE,
            sentence=sentence,
            choices=(Choice.RETRY, Choice.RETIRE_LINK),
            subject=one.external_id,
        )
    merged = f" It was merged into {one.merged_into}, which is linked to another record." if one.merged_into else ""
    sentence = (
        f"{given.kind} {given.key} was deleted in {word} ({one.external_id}).{merged} It is neither made again nor "
        "deleted elsewhere: restore it there, or retire the link."
    )
    return Finding(
        kind=ExceptionKind.CONFLICT,
        cause=Cause.MASTER_DELETED,
        sentence=sentence,
        choices=(Choice.RETRY, Choice.RETIRE_LINK),
        subject=one.external_id,
    )


def _merged_question(given: MergeInput, one: Gone) -> Finding:
    """A merge there that the link cannot follow, as two of our records would be one (cases M5, M6)."""
    sentence = (
        f"{given.kind} {given.key} was merged in QuickBooks: {one.external_id} went into {one.merged_into}, which is "
        "linked to another record of ours. QuickBooks cannot undo a merge, so there is nothing to restore. What was "
        f"billed to {one.external_id} stands under {one.merged_into} there now; it is left so, and is no edit. If "
        f"{one.merged_into} is this record, retire the other record's link to it, then retry this one. Otherwise "
        "retire the link: nothing new is billed for this record until it has a link again, for which you can make a "
        "new record in QuickBooks and confirm it."
    )
    return Finding(
        kind=ExceptionKind.CONFLICT,
        cause=Cause.MASTER_DELETED,
        sentence=sentence,
        choices=(Choice.RETRY, Choice.RETIRE_LINK),
        subject=one.external_id,
    )


def _word(system: System) -> str:
    return _WORDS.get(system, "the gateway's own settings")


def _shown(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        text = ", ".join(part for part in value.values() if part)
    else:
        text = ", ".join(value) if isinstance(value, list) else value or ""
    return f'"{text[:_SHOWN]}"' if text else "nothing"
