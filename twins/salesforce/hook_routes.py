"""The control plane's part for what the org sends to the gateway, and for the values of picklists."""

from typing import Any

from fastapi import APIRouter, Body, Response
from pydantic import BaseModel

from twins.salesforce.errors import ApiError
from twins.salesforce.org import SALES_USER, Org
from twins.salesforce.values import dump_json, stamp
from twins.web import Database

JSON = "application/json"


class OrderStatusValue(BaseModel):
    """One value of Order.Status."""

    value: str
    category: str
    default: bool = False


def hook_routes(org: Org, database: Database) -> APIRouter:
    """What was told to the gateway, and to tell it again."""
    router = APIRouter(prefix="/__twin__/hooks")

    @router.get("")
    def messages(after: int = 0) -> dict[str, Any]:
        """Messages and calls that were made of what happened, and how many notices are in none yet."""
        columns = ("n", "way", "sobject", "state", "attempts", "queued_at", "due_at", "answer")
        rows = database.execute(f"SELECT {', '.join(columns)} FROM hook_message WHERE n > ? ORDER BY n", after)  # noqa: S608 - names from above
        found = [dict(zip(columns, row, strict=True)) for row in rows]
        for one in found:
            notices = database.execute(
                "SELECT id, record, event, at FROM hook_notice WHERE message = ? ORDER BY seq", one["n"]
            )
            one["notices"] = [dict(zip(("id", "record", "event", "at"), row, strict=True)) for row in notices]
        queued = database.execute("SELECT count(*) FROM hook_notice WHERE message IS NULL")[0][0]
        return {"messages": found, "queued": queued}

    @router.post("/{n}/again")
    def again(n: int) -> Response:
        """Send a message once more, whatever became of it: the same notifications, the records as they are now."""
        with database.transaction():
            rows = database.execute(
                "UPDATE hook_message SET state = 'waiting', due_at = ?, queued_at = ?"
                " WHERE n = ? AND state <> 'sending' RETURNING n",
                *(stamp(org.now()), stamp(org.now()), n),
            )
        return Response(dump_json({"ok": bool(rows)}), 200 if rows else 404, media_type=JSON)

    return router


def picklist_routes(org: Org, database: Database) -> APIRouter:
    """What an administrator does to picklists: another lifecycle needs other words."""
    router = APIRouter(prefix="/__twin__")

    @router.put("/order-statuses")
    def order_statuses(values: list[OrderStatusValue]) -> Response:
        """The values of Order.Status, each with its category."""
        try:
            with database.transaction():
                asked = [one.model_dump() for one in values]
                kept = org.picklists.set_order_statuses(asked, stamp(org.now()), SALES_USER)
        except ApiError as refusal:
            return Response(dump_json(refusal.body()), refusal.status, media_type=JSON)
        return Response(dump_json({"values": kept}), media_type=JSON)

    @router.put("/picklists/{sobject}/{field}")
    def picklist(sobject: str, field: str, values: list[str] = Body(embed=True)) -> Response:  # noqa: B008 - FastAPI's way
        """The values of another restricted picklist."""
        try:
            with database.transaction():
                kept = org.picklists.set_values(sobject, field, values)
        except ApiError as refusal:
            return Response(dump_json(refusal.body()), refusal.status, media_type=JSON)
        return Response(dump_json({"values": kept}), media_type=JSON)

    return router
