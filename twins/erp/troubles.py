"""Business trouble inside well-formed files, and damage to the files themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from enum import StrEnum

from twins.erp.records import LINE_END, digits
from twins.erp.shipments import Shipment, ShippedLine


class Trouble(StrEnum):
    """What is wrong with a shipment of a well-formed file."""

    UNKNOWN_ITEM = "unknown_item"
    UNKNOWN_CUSTOMER = "unknown_customer"
    OVER_SHIPMENT = "over_shipment"
    PRICE_DIFFERS = "price_differs"
    UNKNOWN_ORDER = "unknown_order"
    CORRECTION = "correction"
    EXACT_REPEAT = "exact_repeat"


class Damage(StrEnum):
    """What is wrong with the bytes of a file."""

    TRUNCATED = "truncated"
    WRONG_COUNT = "wrong_count"
    BAD_NUMBER = "bad_number"
    UNKNOWN_RECORD = "unknown_record"
    HALF_WRITTEN = "half_written"


CASES = {
    Trouble.UNKNOWN_ITEM: "unknown item",
    Trouble.UNKNOWN_CUSTOMER: "unknown customer",
    Trouble.OVER_SHIPMENT: "over-shipment",
    Trouble.PRICE_DIFFERS: "price differs from the order",
    Trouble.UNKNOWN_ORDER: "unknown order",
    Trouble.CORRECTION: "correction: a shipment of file {earlier} again, one unit less on its first line",
    Trouble.EXACT_REPEAT: "exact repeat of a shipment of file {earlier}",
}
OF_EARLIER_FILES = frozenset({Trouble.CORRECTION, Trouble.EXACT_REPEAT})
OF_SHIPMENT_FILES = frozenset({Damage.WRONG_COUNT, Damage.BAD_NUMBER, Damage.UNKNOWN_RECORD})
PRICE_RISE = Decimal("1.3")


class Strangers:
    """Numbers that nobody knows, counted down from the top of their range and never one of the world's own."""

    def __init__(self, skus: Iterable[str], customers: Iterable[str], orders: Iterable[str]) -> None:
        self._skus = _unknown((f"ZZZ-{number:04d}" for number in range(9_999, 0, -1)), set(skus))
        self._customers = _unknown((f"{number:08d}" for number in range(99_999, 0, -1)), set(customers))
        self._orders = _unknown((f"SO{number}" for number in range(999_999, 0, -1)), set(orders))

    def spoil(self, trouble: Trouble, shipment: Shipment) -> Shipment:
        """The shipment with the trouble in it; a repeat stays as it is, its trouble is that it comes again."""
        spoilt: dict[Trouble, Callable[[Shipment], Shipment]] = {
            Trouble.UNKNOWN_ITEM: lambda made: _first_line(made, sku=next(self._skus)),
            Trouble.UNKNOWN_CUSTOMER: lambda made: replace(made, customer_erp_no=next(self._customers)),
            Trouble.OVER_SHIPMENT: lambda made: _first_line(made, quantity_shipped=made.lines[0].quantity_ordered * 2),
            Trouble.PRICE_DIFFERS: lambda made: _first_line(made, unit_price=_raised(made.lines[0])),
            Trouble.UNKNOWN_ORDER: lambda made: replace(made, order_no=next(self._orders)),
            Trouble.CORRECTION: lambda made: _first_line(made, quantity_shipped=made.lines[0].quantity_shipped - 1),
            Trouble.EXACT_REPEAT: lambda made: made,
        }
        return replace(spoilt[trouble](shipment), trouble=trouble.value)


def damaged(content: bytes, damage: Damage) -> bytes:
    """The shipment file with the damage done; its header, sequence and length of record stay as they were."""
    done: dict[Damage, Callable[[bytes], bytes]] = {
        Damage.TRUNCATED: lambda whole: whole[: len(whole) * 2 // 3],
        Damage.HALF_WRITTEN: lambda whole: whole[: len(whole) // 2],
        Damage.WRONG_COUNT: _count_one_more,
        Damage.BAD_NUMBER: _letter_in_quantity,
        Damage.UNKNOWN_RECORD: _strange_record,
    }
    return done[damage](content)


def _unknown(candidates: Iterator[str], known: set[str]) -> Iterator[str]:
    return (candidate for candidate in candidates if candidate not in known)


def _first_line(shipment: Shipment, **changes: Decimal | str) -> Shipment:
    first = replace(shipment.lines[0], **changes)  # type: ignore[arg-type]  # names and types are those of ShippedLine
    return replace(shipment, lines=(first, *shipment.lines[1:]))


def _raised(line: ShippedLine) -> Decimal:
    return (line.unit_price * PRICE_RISE).quantize(Decimal("0.0001"))


def _first_detail(content: bytes) -> int:
    """Where the first S2 record begins; ValueError when the file has none."""
    return content.index(LINE_END.encode() + b"S2") + len(LINE_END)


def _count_one_more(content: bytes) -> bytes:
    trailer = content.rindex(LINE_END.encode() + b"T9") + len(LINE_END)
    stated = slice(trailer + 9, trailer + 16)
    return content[: stated.start] + digits(int(content[stated]) + 1, 7).encode() + content[stated.stop :]


def _letter_in_quantity(content: bytes) -> bytes:
    start = _first_detail(content) + 21
    quantity = content[start : start + 9]
    return content[:start] + quantity[:2] + b"A" + quantity[3:4] + b"!" + quantity[5:] + content[start + 9 :]


def _strange_record(content: bytes) -> bytes:
    start = _first_detail(content)
    after = content.index(LINE_END.encode(), start) + len(LINE_END)
    record = b"X7UNKNOWN RECORD TYPE".ljust(140) + LINE_END.encode()
    return content[:after] + record + content[after:]
