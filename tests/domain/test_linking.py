"""Proposing links: exact pairs, likely pairs, and no pair where a person should not even be asked."""

from __future__ import annotations

import random
from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain import linking
from domain.customers import normal_name
from domain.linking import COMPARISONS, LIKELY, LocalRecord, propose
from domain.links import Candidate, LinkKind, Proposal
from domain.sources import System
from tests import build

WORDS = ["Acme", "Harbor", "Pipe", "Supply", "Valve", "West"]


def by_key(proposals: list[Proposal]) -> dict[str, Proposal]:
    """Proposals by our key."""
    return {one.local_key: one for one in proposals}


def test_customers_pair_exactly_by_name_whatever_its_case_blanks_accents_and_punctuation() -> None:
    records = [
        build.local_record("00000042", "BRIGHTWATER  PLUMBING & SUPPLY, INC."),
        build.local_record("7", "Café Ñ"),
    ]
    there = [build.candidate("58", "Brightwater Plumbing and Supply Inc"), build.candidate("59", "CAFE N")]
    pairs = by_key(propose(records, there))
    assert [(one.external_id, one.exact, one.score) for one in (pairs["00000042"], pairs["7"])] == [
        ("58", True, Decimal(1)),
        ("59", True, Decimal(1)),
    ]


@pytest.mark.parametrize(
    ("ours", "theirs", "reason"),
    [
        (1, 2, "2 records there have this key"),
        (2, 1, "2 of our records have this key"),
    ],
)
def test_a_name_that_two_records_bear_is_never_exact(ours: int, theirs: int, reason: str) -> None:
    """Case M3: duplicates on either side go to a person."""
    records = [build.local_record(str(n), "Acme Supply") for n in range(ours)]
    there = [build.candidate(str(n), "ACME SUPPLY") for n in range(theirs)]
    proposals = propose(records, there)
    assert len(proposals) == ours
    assert {(one.exact, one.reason) for one in proposals} == {(False, reason)}


def test_an_inactive_record_is_proposed_but_never_exact() -> None:
    """Case M5."""
    (proposal,) = propose([build.local_record("1", "Acme")], [build.candidate("9", "Acme", active=False)])
    assert (proposal.exact, proposal.reason) == (False, "the record there is inactive")


def test_of_two_with_the_same_key_the_active_one_is_proposed() -> None:
    """Case M5: QuickBooks keeps merged customers as inactive ones of the same name."""
    there = [build.candidate("1", "Acme", active=False), build.candidate("2", "Acme")]
    (proposal,) = propose([build.local_record("1", "Acme")], there)
    assert (proposal.external_id, proposal.exact) == ("2", False)


def test_items_pair_by_sku_and_never_exactly_by_name() -> None:
    record = build.local_record("BOLT", "Hex bolt", kind=LinkKind.ITEM)
    with_sku = build.candidate("5", "Something else", kind=LinkKind.ITEM, strong_key="BOLT")
    without = build.candidate("5", "Hex bolt", kind=LinkKind.ITEM)
    assert by_key(propose([record], [with_sku]))["BOLT"].exact
    assert not by_key(propose([record], [without]))["BOLT"].exact


def test_a_sku_is_compared_to_the_letter() -> None:
    record = build.local_record("BOLT", "Hex bolt", kind=LinkKind.ITEM)
    assert propose([record], [build.candidate("5", "Anvil", kind=LinkKind.ITEM, strong_key="bolt")]) == []


def test_terms_pair_by_their_days() -> None:
    records = [build.local_record("N30", "Net 30", kind=LinkKind.TERMS, strong_key="30")]
    there = [build.candidate("3", "30 days net", kind=LinkKind.TERMS, strong_key="30")]
    assert by_key(propose(records, there))["N30"].exact


def test_where_the_system_keeps_our_number_a_name_is_not_enough() -> None:
    """Salesforce has `ERP_Id__c`: an account without it is a likely pair, whatever its name, even our number."""
    there = [
        build.candidate("a", "Acme Supply", system=System.SALESFORCE),
        build.candidate("b", "Other", system=System.SALESFORCE, strong_key="2"),
        build.candidate("c", "3", system=System.SALESFORCE),
    ]
    records = [
        build.local_record("1", "Acme Supply"),
        build.local_record("2", "Beta"),
        build.local_record("3", "Gamma"),
    ]
    pairs = by_key(propose(records, there))
    assert (pairs["1"].external_id, pairs["1"].exact) == ("a", False)
    assert (pairs["2"].external_id, pairs["2"].exact) == ("b", True)
    assert "3" not in pairs


def test_a_near_name_is_likely_and_a_far_one_is_noise() -> None:
    there = [build.candidate("1", "Brightwater Plumbing Supply Co"), build.candidate("2", "Supply of Zinc")]
    (proposal,) = propose([build.local_record("1", "Brightwater Plumbing Supply")], there)
    assert (proposal.external_id, proposal.exact, proposal.reason) == ("1", False, "similar name")
    assert Decimal(1) > proposal.score >= LIKELY


def test_a_name_of_punctuation_alone_pairs_with_nothing() -> None:
    assert propose([build.local_record("1", "---")], [build.candidate("1", "...")]) == []


def test_nothing_to_compare_with_is_no_trouble() -> None:
    assert propose([], []) == []
    assert propose([build.local_record("1", "Acme")], []) == []
    assert propose([], [build.candidate("1", "Acme")]) == []


names = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join)
keys = st.none() | st.sampled_from(["1", "2", "3"])
sides = st.tuples(
    st.lists(st.tuples(names, keys), max_size=8),
    st.lists(st.tuples(names, keys, st.booleans()), max_size=8),
    st.sampled_from(LinkKind),
)


def build_sides(
    sides: tuple[list[tuple[str, str | None]], list[tuple[str, str | None, bool]], LinkKind],
) -> tuple[list[LocalRecord], list[Candidate]]:
    """Records and candidates, each with an identity of its own."""
    ours, theirs, kind = sides
    records = [build.local_record(f"L{n}", name, kind=kind, strong_key=key) for n, (name, key) in enumerate(ours)]
    candidates = [
        build.candidate(f"E{n}", name, kind=kind, strong_key=key, active=active)
        for n, (name, key, active) in enumerate(theirs)
    ]
    return records, candidates


@given(sides)
def test_no_record_is_proposed_twice(
    sides: tuple[list[tuple[str, str | None]], list[tuple[str, str | None, bool]], LinkKind],
) -> None:
    proposals = propose(*build_sides(sides))
    assert all(count == 1 for count in Counter(one.local_key for one in proposals).values())
    assert [one.score for one in proposals] == sorted((one.score for one in proposals), reverse=True)


@given(sides)
def test_an_exact_pair_is_unique_on_both_sides(
    sides: tuple[list[tuple[str, str | None]], list[tuple[str, str | None, bool]], LinkKind],
) -> None:
    """Case M3."""
    records, candidates = build_sides(sides)
    by_name = all(one.strong_key is None for one in candidates)

    def key(one: LocalRecord | Candidate) -> str | None:
        return normal_name(one.name) if by_name else one.strong_key

    ours, theirs = Counter(map(key, records)), Counter(map(key, candidates))
    there = {one.external_id: one for one in candidates}
    for proposal in propose(records, candidates):
        if proposal.exact:
            assert (ours[key(there[proposal.external_id])], theirs[key(there[proposal.external_id])]) == (1, 1)
            assert there[proposal.external_id].active
            assert proposal.score == 1


@given(sides, st.randoms(use_true_random=False))
def test_the_order_of_the_inputs_does_not_matter(
    sides: tuple[list[tuple[str, str | None]], list[tuple[str, str | None, bool]], LinkKind],
    shuffler: random.Random,
) -> None:
    records, candidates = build_sides(sides)
    before = propose(records, candidates)
    shuffler.shuffle(records)
    shuffler.shuffle(candidates)
    assert propose(records, candidates) == before


@given(st.text(max_size=40))
@settings(max_examples=300)
def test_normalising_a_name_twice_changes_nothing(name: str) -> None:
    once = normal_name(name)
    assert normal_name(once) == once
    assert normal_name(f"  {name}\t!") == once


@pytest.fixture
def comparisons(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts how many names are compared letter by letter."""
    counted = [0]
    compare = linking._similarity

    def counting(left: str, right: str) -> Decimal:
        counted[0] += 1
        return compare(left, right)

    monkeypatch.setattr(linking, "_similarity", counting)
    return counted


def test_ten_thousand_by_ten_thousand_customers_pair_in_bounded_work(comparisons: list[int]) -> None:
    """Every name shares its words with many others; one in ten differs by a typing slip on the other side."""
    chance = random.Random(7)  # noqa: S311 - a repeatable choice, not a secret
    stems = [f"{chance.choice(WORDS)}{n % 400}" for n in range(10_000)]
    ours = [f"{stem} {chance.choice(WORDS)} {n % 977}" for n, stem in enumerate(stems)]
    theirs = [name.replace(" ", " of ", 1) if n % 10 == 0 else name.upper() for n, name in enumerate(ours)]
    records = [build.local_record(f"L{n}", name) for n, name in enumerate(ours)]
    proposals = propose(records, [build.candidate(f"E{n}", name) for n, name in enumerate(theirs)])
    assert len(proposals) == 10_000
    assert sum(one.exact for one in proposals) > 8_000
    assert comparisons[0] <= 1_100 * COMPARISONS


def test_names_that_share_only_common_words_are_not_compared_at_all(comparisons: list[int]) -> None:
    records = [build.local_record(f"L{n}", f"Supply House {n}x") for n in range(1_000)]
    propose(records, [build.candidate(f"E{n}", f"Supply House {n}y") for n in range(1_000)])
    assert comparisons[0] == 0
