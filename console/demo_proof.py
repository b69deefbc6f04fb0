"""The demo's proof: the stand-in's books hold exactly the invoices that the file's truth asks for, to the cent."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal

from console.http import Json

Line = tuple[str, Decimal, Decimal, Decimal]  # SKU, quantity, unit price, amount
FREIGHT = "FREIGHT"


def differences(ledger: Json, truth: Json, billed: Collection[str] = ()) -> list[str]:
    """Every way in which the books are not what the file asks for, one sentence each; none: proven.

    The truth was written together with the file, not read from it, and the ledger is the stand-in's own. `billed` are
    shipments in trouble that a person decided to bill: they may have an invoice, at a price of that person's choice.
    """
    booked: dict[str, list[Json]] = {}
    for invoice in ledger["invoices"]:
        if not invoice["deleted"] and not invoice["voided"]:
            booked.setdefault(_shipment_of(invoice), []).append(invoice)
    of_file = {one["shipment_no"] for one in truth["shipments"]}
    expected = {one["shipment_no"]: one for one in truth["expected_invoices"]}
    found = [f"{number} has {len(many)} invoices." for number, many in booked.items() if len(many) > 1]
    found += [f"{number} has no invoice." for number in expected if number not in booked]
    unexpected = of_file & booked.keys() - expected.keys() - set(billed)
    found += [f"{number} was invoiced and should not have been." for number in sorted(unexpected)]
    for number, one in expected.items():
        if number in booked:
            found += _compare(number, booked[number][0], one)
    return found


def _shipment_of(invoice: Mapping[str, str]) -> str:
    """The shipment that our marker in the private note names, else the invoice's own number."""
    parts = invoice["private_note"].split(maxsplit=1)
    marker = parts[0].split(":") if parts else []
    return marker[1] if len(marker) == 3 and marker[0] == "threeway" else invoice["doc_number"]


def _compare(number: str, invoice: Json, expected: Json) -> Iterable[str]:
    if Decimal(invoice["total"]) != Decimal(expected["total"]):
        yield f"{number} is booked at {invoice['total']}, {expected['total']} is right."
    lines = [_line(one, "amount") for one in invoice["lines"] if one["sku"]]
    wanted = [_line(one, "amount") for one in expected["lines"]]
    freight = Decimal(expected["freight"])
    if freight:
        wanted.append((FREIGHT, Decimal(1), freight, freight))
    if lines != wanted:
        yield f"{number} has other lines than were shipped."


def _line(one: Json, amount: str) -> Line:
    return str(one["sku"]), Decimal(one["quantity"]), Decimal(one["unit_price"]), Decimal(one[amount])
