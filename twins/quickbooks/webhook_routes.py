"""The control plane's part for webhooks: what was told, to tell it again, and to say what did not happen."""

from typing import Any, Literal

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel

from twins.quickbooks.state import Company
from twins.quickbooks.watch import Happening, queue_event
from twins.web import CONTROL, JsonObject

_MESSAGE = ("n", "state", "attempts", "queued_at", "due_at", "answer")
_EVENT = ("id", "realm", "entity", "key", "operation", "deleted_key", "at")


class Said(BaseModel):
    """Body of `POST /__twin__/hooks`: an event that is told whether or not it happened."""

    entity: str
    id: str
    operation: Literal["Create", "Update", "Delete", "Void", "Emailed", "Merge"] = "Update"
    deleted_id: str | None = None
    realm: str | None = None


def webhook_routes(company: Company) -> APIRouter:
    """What was told to the gateway, and to tell it again."""
    router = APIRouter(prefix=f"{CONTROL}/hooks")
    database = company.database

    @router.get("")
    def messages(after: int = 0) -> JsonObject:
        """Notifications that were made of what happened, and how many events are in none yet."""
        rows = database.execute(f"SELECT {', '.join(_MESSAGE)} FROM hook_message WHERE n > ? ORDER BY n", after)  # noqa: S608 - names from above
        found: list[dict[str, Any]] = [dict(zip(_MESSAGE, row, strict=True)) for row in rows]
        for one in found:
            events = database.execute(
                f"SELECT {', '.join(_EVENT)} FROM hook_event WHERE message = ? ORDER BY seq",  # noqa: S608 - as above
                one["n"],
            )
            one["events"] = [dict(zip(_EVENT, row, strict=True)) for row in events]
        queued = database.execute("SELECT count(*) FROM hook_event WHERE message IS NULL")[0][0]
        return {"messages": found, "queued": queued}

    @router.post("")
    def say(said: Said) -> JsonObject:
        """Queue an event, whether or not it happened, of this company or another."""
        realm = said.realm or str(company.settings["realm_id"])
        now = company.clock.now()
        queue_event(database, Happening(realm, said.entity, said.id, said.operation, now, said.deleted_id))
        return {"ok": True}

    @router.post("/{n}/again")
    def again(n: int) -> JsonObject:
        """Send a notification once more, whatever became of it: the same bytes but for its signature's key."""
        sql = "UPDATE hook_message SET state = 'waiting', due_at = ? WHERE n = ? RETURNING n"
        if not database.execute(sql, company.clock.now().isoformat(), n):
            raise HTTPException(404, f"there is no notification {n}")
        return {"ok": True}

    return router
