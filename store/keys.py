"""API keys in the store: a key is 32 random bytes, so its SHA-256 is enough to know it by, and only that is kept."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, SecretStr
from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col

from store.tables.access import ApiKeyRow

PREFIX = "tw_"
RANDOM_BYTES = 32
USE_IS_NOTED_EVERY = timedelta(minutes=1)  # so that reading with a key does not write on every request


class ApiKey(BaseModel):
    """An API key without the key: who it is for and what it may do."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    scopes: frozenset[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


def create(
    session: Session, name: str, scopes: Collection[str], expires_at: datetime | None = None
) -> tuple[ApiKey, SecretStr]:
    """Make a key; the secret is answered this once. Raises Malformed for an unknown scope or none."""
    plain = SecretStr(PREFIX + secrets.token_urlsafe(RANDOM_BYTES))
    row = session.scalars(
        insert(ApiKeyRow)
        .values(id=uuid4().hex, name=name, key_hash=_hash(plain), scopes=sorted(scopes), expires_at=expires_at)
        .returning(ApiKeyRow)
    ).one()
    return _key(row), plain


def ensure(session: Session, name: str, plain: SecretStr, scopes: Collection[str]) -> None:
    """Know a key that was chosen elsewhere (the first admin key of a setting). Running it again changes nothing.

    A revoked key stays revoked. The caller has made sure that the key is long and no placeholder.
    """
    new = insert(ApiKeyRow).values(id=uuid4().hex, name=name, key_hash=_hash(plain), scopes=sorted(scopes))
    session.execute(new.on_conflict_do_nothing(index_elements=["key_hash"]))


def find(session: Session, plain: SecretStr) -> ApiKey | None:
    """The key that this is, unless it is unknown, revoked or expired."""
    query = select(ApiKeyRow).where(
        col(ApiKeyRow.key_hash) == _hash(plain),
        col(ApiKeyRow.revoked_at).is_(None),
        or_(col(ApiKeyRow.expires_at).is_(None), col(ApiKeyRow.expires_at) > func.now()),
    )
    row = session.scalars(query).first()
    return None if row is None else _key(row)


def touch(session: Session, key_id: str) -> None:
    """Note that a key was used, at most once a minute."""
    session.execute(
        update(ApiKeyRow)
        .where(col(ApiKeyRow.id) == key_id)
        .where(
            or_(
                col(ApiKeyRow.last_used_at).is_(None),
                col(ApiKeyRow.last_used_at) < func.now() - USE_IS_NOTED_EVERY,
            )
        )
        .values(last_used_at=func.now())
        .execution_options(synchronize_session=False)
    )


def revoke(session: Session, key_id: str) -> bool:
    """Make a key useless from now on; False for one that is unknown or was revoked before."""
    done = session.execute(
        update(ApiKeyRow)
        .where(col(ApiKeyRow.id) == key_id, col(ApiKeyRow.revoked_at).is_(None))
        .values(revoked_at=func.now())
        .returning(col(ApiKeyRow.id))
        .execution_options(synchronize_session=False)
    )
    return done.first() is not None


def list_all(session: Session) -> list[ApiKey]:
    """Every key that was ever made, oldest first."""
    query = select(ApiKeyRow).order_by(col(ApiKeyRow.created_at), col(ApiKeyRow.id))
    return [_key(row) for row in session.scalars(query)]


def _hash(plain: SecretStr) -> str:
    return hashlib.sha256(plain.get_secret_value().encode()).hexdigest()


def _key(row: ApiKeyRow) -> ApiKey:
    return ApiKey.model_validate(row, from_attributes=True)
