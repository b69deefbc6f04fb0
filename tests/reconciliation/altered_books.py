"""What people may do in QuickBooks behind the gateway's back, and what reconciliation must say of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Decimal

from tests.reconciliation.deck import Alter, Deck, plain, shipment_of
from tests.reconciliation.lived import Json
from tests.reconciliation.oracle import Altered, Named
from twins.web import dump_json, load_json

CENT = Decimal("0.01")


def _named(cause: str, key: str, field: str | None = "", rule: str = "R3") -> Named:
    return Named(rule, cause, "credit_memo" if cause.startswith("credit") else "invoice", key, field)


def _edited(key: str, field: str | None) -> Named:
    return _named("invoice_edited", key, field)


def _heard(key: str, *fields: str) -> tuple[Named, ...]:
    return tuple(_named("invoice_not_pulled", key, field, "R4") for field in fields)


def _sales(line: Json, *, price: int = 0, quantity: int = 0) -> Json:
    pieces = Decimal(line["quantity"] or "1") + quantity
    each = Decimal(line["unit_price"] or line["amount"]) + price
    detail = {"ItemRef": {"value": line["item_id"]}, "Qty": str(pieces), "UnitPrice": str(each)}
    amount = (each * pieces).quantize(CENT, rounding=ROUND_HALF_UP)
    return {"DetailType": "SalesItemLineDetail", "Amount": str(amount), "SalesItemLineDetail": detail}


def _document(name: str, how: Callable[[Deck, Json], Altered]) -> tuple[str, Alter]:
    def alter(deck: Deck) -> Altered | None:
        return how(deck, deck.unpaid.pop()) if deck.unpaid else None

    return name, alter


def _price(deck: Deck, one: Json) -> Altered:
    place = deck.chance.randrange(len(one["lines"]))
    lines = [_sales(line, price=int(n == place)) for n, line in enumerate(one["lines"])]
    deck.edit(one, Line=lines)
    line = one["lines"][place]
    before, after = line["unit_price"], lines[place]["SalesItemLineDetail"]["UnitPrice"]
    fields = [f"line {place + 1} {name}" for name in ("price", "amount")]
    must = (*(_edited(one["id"], field) for field in fields), *_heard(one["id"], "total", "balance"))
    return Altered("price", must, before=plain(before), after=plain(after))


def _quantity(deck: Deck, one: Json) -> Altered:
    place = deck.chance.randrange(len(one["lines"]))
    deck.edit(one, Line=[_sales(line, quantity=int(n == place)) for n, line in enumerate(one["lines"])])
    line = one["lines"][place]
    fields = [f"line {place + 1} quantity"]
    moved = Decimal(line["unit_price"]) != 0
    fields += [f"line {place + 1} amount"] if moved else []
    must = (*(_edited(one["id"], field) for field in fields), *(_heard(one["id"], "total", "balance") if moved else ()))
    return Altered("quantity", must, before=plain(line["quantity"]), after=plain(Decimal(line["quantity"]) + 1))


def _line_more(deck: Deck, one: Json) -> Altered:
    dear = max(one["lines"], key=lambda line: Decimal(line["amount"]))
    deck.edit(one, Line=[_sales(line) for line in (*one["lines"], dear)])
    must = (_edited(one["id"], f"line {len(one['lines']) + 1}"), *_heard(one["id"], "total", "balance"))
    return Altered("line more", must)


def _customer(deck: Deck, one: Json) -> Altered:
    other = deck.chance.choice(sorted(set(deck.customers) - {one["customer_id"]}))
    deck.edit(one, CustomerRef={"value": other})
    return Altered("customer", (_edited(one["id"], "customer_id"),), before=one["customer_id"], after=other)


def _date(deck: Deck, one: Json) -> Altered:
    deck.edit(one, TxnDate="2026-01-15")
    return Altered("date", (_edited(one["id"], "invoiced_on"),), before=one["txn_date"], after="2026-01-15")


def _number(deck: Deck, one: Json) -> Altered:
    deck.edit(one, DocNumber=f"H{one['id']}")
    must = (_edited(one["id"], "doc_number"),)
    return Altered("number", must, before=one["doc_number"], after=f"H{one['id']}")


def _voided(deck: Deck, one: Json) -> Altered:
    deck.edit(one, "void")
    return Altered("voided", (_named("invoice_voided", one["id"], "voided"),), before="no", after="yes")


def _deleted(deck: Deck, one: Json) -> Altered:
    deck.edit(one, "delete")
    return Altered("deleted", (_named("invoice_deleted", one["id"]),))


def _paid(deck: Deck, one: Json) -> Altered:
    deck.lived.pay(one, "0.50")
    left = plain(Decimal(one["balance"]) - Decimal("0.50"))
    return Altered("payment missed", _heard(one["id"], "balance"), before=plain(one["balance"]), after=left)


def _again(deck: Deck, one: Json, amount: str, **more: str) -> str:
    item = one["lines"][0]["item_id"]
    return deck.lived.books.invoice_by_hand(deck.lived.token(), one["customer_id"], item, amount, **more)


def _duplicated(deck: Deck, one: Json) -> Altered:
    made = _again(deck, one, one["total"], TxnDate=one["txn_date"])
    return Altered("duplicated", (_named("invoice_duplicated", made, rule="R5"),))


def _copied(deck: Deck, one: Json) -> Altered:
    made = _again(deck, one, "3.33", PrivateNote=one["private_note"])
    return Altered("copied", (_named("invoice_duplicated", made, rule="R5"),))


def _invented(deck: Deck) -> Altered | None:
    customer = deck.chance.choice(sorted(deck.customers))
    amount = f"{deck.chance.randint(100_000, 900_000)}.77"
    made = deck.lived.books.invoice_by_hand(deck.lived.token(), customer, deck.items[0], amount)
    return Altered("invented", (_named("invoice_invented", made, rule="R5"),))


def _credit_invented(deck: Deck) -> Altered | None:
    customer = deck.chance.choice(sorted(deck.customers))
    amount = f"{deck.chance.randint(1000, 9000)}.13"
    made = deck.lived.books.credit_by_hand(deck.lived.token(), customer, deck.items[0], amount)
    return Altered("credit invented", (_named("credit_invented", made, rule="R5"),))


def _credit_copied(deck: Deck) -> Altered | None:
    if not deck.credits:
        return None
    one = deck.credits.pop()
    more = {"PrivateNote": one["private_note"]}
    token, item = deck.lived.token(), one["lines"][0]["item_id"]
    made = deck.lived.books.credit_by_hand(token, one["customer_id"], item, "4.44", **more)
    return Altered("credit copied", (_named("credit_duplicated", made, rule="R5"),))


def _credit_edited(deck: Deck) -> Altered | None:
    """Somebody gives a dollar a line more than was meant; the stand-in has no such edit, so its books are opened."""
    if not deck.credits:
        return None
    one = deck.credits.pop()
    books = deck.lived.books.app.database
    ((body,),) = books.execute("SELECT body FROM entity WHERE kind = 'CreditMemo' AND id = ?", int(one["id"]))
    document = load_json(body)
    lines = [line for line in document["Line"] if line["DetailType"] == "SalesItemLineDetail"]
    for line in lines:
        line["Amount"] += 1
    document["TotalAmt"] += len(lines)
    books.execute(
        "UPDATE entity SET body = ? WHERE kind = 'CreditMemo' AND id = ?", dump_json(document), int(one["id"])
    )
    fields = [f"line {n} amount" for n in range(1, len(lines) + 1)]
    must = [_named("credit_edited", one["id"], field) for field in fields]
    return Altered("credit edited", (*must, _named("credit_edited", one["id"], "total", "R4")))


def _credit_deleted(deck: Deck) -> Altered | None:
    if not deck.credits:
        return None
    one = deck.credits.pop()
    deck.edit(one, "delete", "CreditMemo")
    return Altered("credit deleted", (_named("credit_deleted", one["id"]),))


def ways() -> Iterator[tuple[str, Alter]]:
    """Every way to alter something in QuickBooks."""
    for name, how in (
        ("price", _price),
        ("quantity", _quantity),
        ("line more", _line_more),
        ("customer", _customer),
        ("date", _date),
        ("number", _number),
        ("voided", _voided),
        ("deleted", _deleted),
        ("payment missed", _paid),
        ("duplicated", _duplicated),
        ("copied", _copied),
    ):
        yield _document(name, how)
    yield "invented", _invented
    yield "credit invented", _credit_invented
    yield "credit copied", _credit_copied
    yield "credit edited", _credit_edited
    yield "credit deleted", _credit_deleted


__all__ = ["shipment_of", "ways"]
