"""What each choice means, for the forms that offer it; a value is asked for where the choice needs one."""

from __future__ import annotations

from typing import Final, NamedTuple

from domain.exceptions import Choice


class Offer(NamedTuple):
    """A choice as a form offers it; `value`: what the value is, None where there is none."""

    label: str
    hint: str
    value: str | None = None


OFFERS: Final[dict[Choice, Offer]] = {
    Choice.RETRY: Offer("Look again now", "It also goes on by itself when its cause goes away."),
    Choice.USE_ITEM: Offer(
        "Bill another item", "One SKU stands for every item named here; or OLD=NEW, OLD2=NEW2.", "SKU"
    ),
    Choice.USE_CUSTOMER: Offer("Bill another customer", "By its number in the ERP.", "ERP customer number"),
    Choice.BILL_ORDER_PRICE: Offer("Bill the order's price", "What Salesforce says."),
    Choice.BILL_SHIPMENT_PRICE: Offer("Bill the shipment's price", "What the ERP said, in the order's unit."),
    Choice.BILL_ALL: Offer("Bill everything that shipped", "Also what was not ordered."),
    Choice.BILL_ORDERED: Offer("Bill what was ordered", "No more than what is still open of the order."),
    Choice.BILL_WITHOUT_ORDER: Offer("Bill without an order", "By the shipment's own quantities and prices."),
    Choice.ADOPT_INVOICE: Offer(
        "Take an invoice that is there", "The one in QuickBooks that bills this shipment.", "QuickBooks invoice id"
    ),
    Choice.BILL_AGAIN: Offer("Bill again", "A fresh invoice under a new number."),
    Choice.DO_NOT_BILL: Offer("Do not bill", "Its worth stays visible."),
    Choice.ACCEPT_FILE: Offer("Apply the file", "As it is."),
    Choice.REFUSE_FILE: Offer("Never apply the file", "Nothing of it counts."),
    Choice.CONFIRM_STOCK: Offer("The number is right", "The row is published as it is."),
    Choice.SPLIT: Offer("Split the order", "Ship what there is, the rest later."),
    Choice.SUBSTITUTE: Offer("Offer another item", "For what is not there."),
    Choice.BACKORDER: Offer("Backorder", "Wait for what comes in."),
    Choice.RELEASE_ORDER: Offer("Release the order", "Let it go on."),
    Choice.CANCEL_ORDER: Offer("Cancel the order", "What has not left of it; the ERP has the last word."),
    Choice.POST_CREDIT: Offer("Write the credit memo", "As it was proposed."),
    Choice.POST_SUPPLEMENT: Offer("Write the further invoice", "As it was proposed."),
    Choice.VOID_INVOICE: Offer("Void the invoice", "It then bills nothing."),
    Choice.TAKE_SYSTEM: Offer(
        "Take one system's value", "It is written to the others where the rules say.", "erp, quickbooks, salesforce"
    ),
    Choice.USE_VALUE: Offer("Use another value", "It is written everywhere the rules say.", "what is to stand"),
    Choice.RETIRE_LINK: Offer("Retire the link", "The record there is ours no more."),
    Choice.ACCEPT_AS_BOOKED: Offer("It stands as it is in QuickBooks", "For the reason given."),
    Choice.HANDLED: Offer("Settled elsewhere", "Nothing more happens here."),
}
