"""Random alterations behind the product's back, each of a record of its own, in all systems and the store."""

from __future__ import annotations

from tests.reconciliation import altered_books, altered_org, altered_store
from tests.reconciliation.deck import Alter, Deck
from tests.reconciliation.lived import Lived
from tests.reconciliation.oracle import Altered

WAYS: dict[str, Alter] = dict([*altered_books.ways(), *altered_org.ways(), *altered_store.ways()])


def alter(lived: Lived, count: int, seed: int) -> list[Altered]:
    """Alter so many records, every way of altering about as often, in a random order.

    What customers owe by the books is one further piece: one may owe something else because of several alterations.
    """
    deck = Deck(lived, seed)
    names = [name for _ in range(count // len(WAYS) + 8) for name in deck.shuffled(WAYS)]
    done: list[Altered] = []
    for name in names:
        if len(done) == count:
            break
        made = WAYS[name](deck)
        if made is not None:
            done.append(made)
    assert len(done) == count, f"only {len(done)} records could be altered"
    owed = deck.owed_otherwise()
    return [*done, owed] if owed else done
