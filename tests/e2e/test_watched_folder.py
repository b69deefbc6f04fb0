"""A generated world, no sample needed: its exports through the watched folder become the same invoices."""

from __future__ import annotations

import sys
from decimal import Decimal
from pathlib import Path

from tests.e2e.books import assert_billed_once, by_shipment
from tests.e2e.generated_world import GeneratedWorld
from tests.e2e.waiting import wait_until

GROW_SECONDS = 4  # longer than a file must lie still before it is taken


def test_a_file_that_is_still_being_written_is_not_read(generated: GeneratedWorld) -> None:
    """Case F1: the first half lies there under the final name, the second half comes piece by piece."""
    gateway = generated.gateway
    gateway.erp.drop_into(str(gateway.inbox), half_written=True, grow_seconds=GROW_SECONDS)
    export = generated.ship(13, drop=True)
    path = gateway.inbox / export.filename
    whole = len(export.content)
    growing: set[int] = set()

    def look() -> int:
        size = _size(path)
        if size < whole:
            growing.add(size)
            assert gateway.file_named(export.filename) is None, f"read at {size} of {whole} bytes"
        return size

    wait_until("the file is written to its end", look, lambda size: size >= whole)
    assert len(growing) > 3, "the test saw the file grow"
    file = wait_until("the folder's file came", lambda: gateway.file_named(export.filename), seconds=20)
    assert file is not None
    ended = gateway.file_ended(file["file_id"])
    assert (ended["state"], ended["arrived_by"], ended["byte_count"]) == ("applied", "folder", whole)
    generated.wait_until_billed(export)
    assert not path.exists(), "a file that was taken is put away"
    assert (gateway.inbox / ".done" / export.filename).read_bytes() == export.content


def test_a_file_with_half_a_tail_stays_until_the_rest_comes(generated: GeneratedWorld) -> None:
    """Case F1: lying still is not enough, the file must also end as its layout says."""
    gateway = generated.gateway
    export = generated.ship(2)
    path = gateway.inbox / export.filename
    path.write_bytes(export.content[:-60])
    other = generated.ship(1)
    later = gateway.inbox / other.filename
    later.write_bytes(other.content)  # whole: when it was read, the folder was looked at after the first lay still
    wait_until("the whole file came", lambda: gateway.file_named(other.filename), seconds=20)
    assert gateway.file_named(export.filename) is None
    with path.open("ab") as file:
        file.write(export.content[-60:])
    wait_until("the completed file came", lambda: gateway.file_named(export.filename), seconds=20)
    for one in (export, other):
        generated.wait_until_billed(one)


def test_the_same_file_dropped_again_bills_nothing_again(generated: GeneratedWorld) -> None:
    """Case F4, by the other road: posted first, then dropped under another name."""
    gateway = generated.gateway
    export = generated.ship(3)
    file_id = gateway.hand_in(export.filename, export.content)
    generated.wait_until_billed(export)
    (gateway.inbox / "again.txt").write_bytes(export.content)
    names = wait_until(
        "the second arrival is noted",
        lambda: [one["filename"] for one in gateway.get(f"/erp/files/{file_id}")["names"]],
        lambda found: "again.txt" in found,
        seconds=20,
    )
    assert names == [export.filename, "again.txt"]
    generated.assert_books_right(export)


def test_files_that_come_out_of_order_are_billed_and_the_alarm_ends_by_itself(generated: GeneratedWorld) -> None:
    """Case F7: a missing sequence is announced, holds nothing up, and is forgotten when it comes after all."""
    gateway = generated.gateway
    first, second = generated.ship(2), generated.ship(2)
    later = gateway.hand_in_and_wait(second.filename, second.content)
    generated.wait_until_billed(second)
    alarm = gateway.exception_of(later["file_id"])
    assert (alarm["kind"], alarm["cause"]) == ("hold", "file_sequence_gap")
    gateway.hand_in_and_wait(first.filename, first.content)
    generated.wait_until_billed(first)
    assert gateway.get(f"/exceptions/{alarm['id']}")["state"] == "self_resolved"


def test_troubles_of_a_generated_export_are_held_and_the_rest_is_billed(generated: GeneratedWorld) -> None:
    """Cases M1, M2, O4, E2, O6: one shipment of each kind among five clean ones."""
    gateway = generated.gateway
    troubles = ["unknown_item", "unknown_customer", "over_shipment", "price_differs", "unknown_order"]
    export = generated.ship(10, troubles=dict.fromkeys(troubles, 1))
    ended = gateway.hand_in_and_wait(export.filename, export.content)
    assert ended["state"] == "applied"
    troubled = {one["shipment_no"]: one for one in export.truth["shipments"]}
    for number in export.numbers:
        del troubled[number]
    generated.wait_until_billed(export)
    assert not by_shipment(gateway.quickbooks.ledger()).keys() & troubled.keys()
    found = {number: gateway.exception_of(number) for number in troubled}
    assert sorted(one["cause"] for one in found.values()) == sorted(troubles)
    assert all(Decimal(one["money_at_stake"]) > 0 for one in found.values())
    for number, item in found.items():
        gateway.resolve(item, "do_not_bill")
        wait_until(
            f"{number} is settled",
            lambda number=number: gateway.get(f"/shipments/{number}")["state"],  # type: ignore[misc]
            lambda state: state == "not_billed",
        )
    assert_billed_once(gateway.quickbooks.ledger(), export.numbers)


def _size(path: Path) -> int:
    """How much is there; more than any file when it was taken away."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return sys.maxsize
