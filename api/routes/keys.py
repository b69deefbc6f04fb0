"""API keys: made, listed and revoked by an admin; the secret of one is shown once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.auth import Admin
from api.once import OnlyOnce
from api.operations import user_cause
from api.services import Reading, Serving
from api.shapes import Listing, Whole, problems
from domain.errors import Duplicate, Missing
from store import keys
from store.keys import ApiKey
from store.session import transaction

router = APIRouter(prefix="/keys", tags=["keys"])

Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]*$")
]
Scope = Literal["viewer", "operator", "admin", "ingest"]


class NewKey(BaseModel):
    """A key to make."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "nightly export", "scopes": ["ingest"], "expires_in_days": 365}]}
    )

    name: Name = Field(description="Who or what uses it; it signs what the key does.")
    scopes: list[Scope] = Field(min_length=1)
    expires_in_days: Whole | None = Field(default=None, ge=1, le=3650)


class MadeKey(ApiKey):
    """A new key with its secret, shown this once."""

    key: str


@router.get("", responses=problems(), summary="List API keys")
def list_keys(session: Reading, key: Admin) -> Listing[ApiKey]:
    """Every key that was ever made, without its secret."""
    return Listing(items=keys.list_all(session))


@router.post("", status_code=HTTPStatus.CREATED, responses=problems(409, 413), summary="Make an API key")
def create_key(new: NewKey, serving: Serving, response: Response, key: Admin, once: OnlyOnce) -> MadeKey:
    """Make a key; keep its secret, it is not shown again, not even under the same `Idempotency-Key` (409)."""
    expires_at = datetime.now(UTC) + timedelta(days=new.expires_in_days) if new.expires_in_days else None
    with transaction(serving.engine, user_cause(key.name, key=new.name)) as session:
        known = once.known(session)
        if known is not None:
            detail = (
                f"This request made key {known['id']} before. Its secret was shown then: revoke it, make another one."
            )
            raise Duplicate(detail, reason="key_made")
        made, plain = keys.create(session, new.name, new.scopes, expires_at)
        once.keep(session, made.model_dump(mode="json", include={"id"}))
    response.headers["Location"] = f"/keys/{made.id}"
    return MadeKey(**made.model_dump(), key=plain.get_secret_value())


@router.delete(
    "/{key_id}", status_code=HTTPStatus.NO_CONTENT, responses=problems(404, 409), summary="Revoke an API key"
)
def revoke_key(key_id: str, serving: Serving, key: Admin) -> None:
    """Make a key useless from now on. The key that asks is refused: nobody locks himself out by a slip."""
    if key_id == key.id:
        raise Duplicate("This is the key that you use: revoke it with another admin key.", reason="key_in_use")
    with transaction(serving.engine, user_cause(key.name, key=key_id)) as session:
        revoked = keys.revoke(session, key_id)
    if not revoked:
        raise Missing(f"There is no key {key_id} in use.", reason="key")
