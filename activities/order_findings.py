"""Findings about orders on their way to the ERP, in words for a person."""

from __future__ import annotations

from adapters.erp.writer import Unwritable
from domain.errors import Permanent
from domain.exceptions import Cause, Choice, ExceptionKind, Finding
from store.order_messages import KnownMessage

ORDER_DESK = "sales operations"


def order_record(number: str) -> tuple[str, str]:
    """What an exception about an order's message is about."""
    return ("order message", number)


def order_file_record(sequence: int) -> tuple[str, str]:
    """What an exception about a file of messages is about."""
    return ("order file", str(sequence))


def unwritable(message: KnownMessage, error: Unwritable) -> Finding:
    """An order that the ERP's file cannot hold as it is."""
    sentence = (
        f"Order {message.order_number} cannot be told to the ERP ({message.message.action}): {error.detail} "
        "It is tried again with the next file, and when the order changes."
    )
    return Finding(
        kind=ExceptionKind.HOLD,
        cause=Cause.ORDER_NOT_WRITABLE,
        sentence=sentence,
        choices=(Choice.HANDLED,),
        subject=message.order_number,
    )


def blocked(sequence: int, error: Permanent) -> Finding:
    """A file that cannot be delivered: all later ones wait for it."""
    sentence = f"Order file {sequence} cannot be given to the ERP, and no order can until it is: {error.detail}"
    return Finding(
        kind=ExceptionKind.DEAD_LETTER,
        cause=Cause.ORDER_FILE_BLOCKED,
        sentence=sentence,
        choices=(Choice.HANDLED,),
    )
