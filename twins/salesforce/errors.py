"""Refusals in the words of the REST API."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """A refused call or row: HTTP status, errorCode, message and, for row errors, the fields concerned."""

    def __init__(self, status: int, code: str, message: str, fields: list[str] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.fields = fields

    def body(self) -> list[dict[str, Any]]:
        """The answer of a plain call: an array with `errorCode`; `fields` only for row errors."""
        entry: dict[str, Any] = {"message": self.message, "errorCode": self.code}
        if self.fields is not None:
            entry["fields"] = self.fields
        return [entry]

    def item(self) -> dict[str, Any]:
        """The answer of one row of a Collections call, which says `statusCode`."""
        return {"statusCode": self.code, "message": self.message, "fields": self.fields or []}


class MultipleMatches(Exception):
    """An external id that fits several records; carries their ids."""

    def __init__(self, ids: list[str]) -> None:
        super().__init__(f"{len(ids)} records match")
        self.ids = ids


def not_found(message: str = "The requested resource does not exist") -> ApiError:
    """404 for a path, object, record or external id field that is not there."""
    return ApiError(404, "NOT_FOUND", message)


def deleted() -> ApiError:
    """404 for a record in the recycle bin."""
    return ApiError(404, "ENTITY_IS_DELETED", "entity is deleted", [])


def invalid_field(message: str, fields: list[str] | None = None) -> ApiError:
    """400 for a field that does not exist or may not be given here."""
    return ApiError(400, "INVALID_FIELD", message, fields)


def lock_refused(record: str) -> ApiError:
    """400 when another transaction holds the row; the caller should try again."""
    return ApiError(
        400, "UNABLE_TO_LOCK_ROW", f"unable to obtain exclusive access to this record or 1 records: {record}", []
    )


def trigger_failed() -> ApiError:
    """400 when an Apex trigger threw: it names no row, for it takes every row of its transaction down."""
    message = "GatewayStock: execution of BeforeUpdate caused by: System.NullPointerException"
    return ApiError(400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message, [])
