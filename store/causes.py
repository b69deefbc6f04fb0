"""Why a canonical row changes: the cause that every transaction states once."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class CauseSource(StrEnum):
    """Where a change comes from."""

    ERP = "erp"
    SALESFORCE = "salesforce"
    QUICKBOOKS = "quickbooks"
    GATEWAY = "gateway"
    USER = "user"


class Cause(BaseModel):
    """The cause of a transaction, kept beside every change that it makes (feature G-B4).

    `reference` says what stated it: a file and its lines, an API object and its version, the id of a decision; ids
    only, never a secret. `actor` is the person, key or process that acted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: CauseSource
    actor: str
    reference: dict[str, str | int] = {}
    workflow_id: str | None = None
