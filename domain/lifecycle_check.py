"""Does the Salesforce org have the words that a lifecycle uses? What is missing, each with its remedy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pydantic import BaseModel, ConfigDict

from domain.lifecycle import Lifecycle
from domain.sources import System

DELETED = "deleted"  # said by the gateway of a record in the recycle bin: no value of the picklist


class FieldSeen(BaseModel):
    """One field as the org describes it to the integration user.

    `values`: the active values of a picklist, None for a field that is none. `restricted`: no other value is accepted.
    `length`: of a text, None where it has no limit.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    writable: bool = True
    values: frozenset[str] | None = None
    restricted: bool = False
    length: int | None = None

    def refuses(self, words: Iterable[str]) -> list[str]:
        """The words that cannot be written into it, in the order given."""
        if self.values is not None:
            return [word for word in dict.fromkeys(words) if self.restricted and word not in self.values]
        return [word for word in dict.fromkeys(words) if self.length is not None and len(word) > self.length]


class OrgSeen(BaseModel):
    """What of the org matters to a lifecycle. A field that is missing, or that the user does not see, is None.

    `gateway_status` and `event_type` are written, `order_status` is only read. The names are the org's own.
    """

    model_config = ConfigDict(frozen=True)

    gateway_status_name: str = "Order.Gateway_Status__c"
    gateway_status: FieldSeen | None
    order_status_name: str = "Order.Status"
    order_status: FieldSeen | None
    event_type_name: str = "Order_Event__c.Type__c"
    event_type: FieldSeen | None


def words_shown(lifecycle: Lifecycle, also: Iterable[str] = ()) -> tuple[str, ...]:
    """Every value that is written into `Gateway_Status__c`: those of the states, and others that the company names."""
    shown = [state.shows for state in lifecycle.states.values() if state.shows]
    return tuple(dict.fromkeys([*shown, *also]))


def statuses_read(lifecycle: Lifecycle) -> tuple[str, ...]:
    """Every value of `Order.Status` that the org must have for the lifecycle to work."""
    return tuple(
        dict.fromkeys(
            meaning.value
            for event in lifecycle.events.values()
            for meaning in event.on
            if (meaning.system, meaning.kind) == (System.SALESFORCE, "order_status")
            and not meaning.optional
            and meaning.value != DELETED
        )
    )


def missing(lifecycle: Lifecycle, org: OrgSeen, also: Iterable[str] = ()) -> tuple[str, ...]:
    """Everything that the org lacks for a lifecycle, each in a sentence with its remedy; none means that it fits.

    `also` are words beside those of the states, such as the one for an order that needs attention.
    """
    return (
        *_written(org.gateway_status_name, org.gateway_status, words_shown(lifecycle, also)),
        *_written(org.event_type_name, org.event_type, [event.label for event in lifecycle.events.values()]),
        *_read(org.order_status_name, org.order_status, statuses_read(lifecycle)),
    )


def unused(lifecycle: Lifecycle, org: OrgSeen) -> tuple[str, ...]:
    """Values of `Order.Status` that no event declares: an order that takes one of them does not move."""
    if org.order_status is None or org.order_status.values is None:
        return ()
    declared = {meaning.value for event in lifecycle.events.values() for meaning in event.on}
    return tuple(sorted(org.order_status.values - declared))


def _written(name: str, seen: FieldSeen | None, words: Iterable[str]) -> Iterator[str]:
    if seen is None:
        yield f"{name} is missing or not visible: deploy the package, or give the integration user read access to it."
        return
    if not seen.writable:
        yield f"{name} cannot be written: give the integration user edit access to it."
    for word in seen.refuses(words):
        if seen.values is not None:
            yield f'{name} has no value "{word}": add it to the picklist and its record types, or use another word.'
        else:
            yield f'{name} holds {seen.length} characters and "{word}" has {len(word)}: widen it, or shorten the word.'


def _read(name: str, seen: FieldSeen | None, words: Iterable[str]) -> Iterator[str]:
    if seen is None:
        yield f"{name} is not visible: give the integration user read access to it."
        return
    for word in words:
        if seen.values is not None and word not in seen.values:
            yield f'{name} has no value "{word}": add it, or declare it optional or by its own name in lifecycle.toml.'
