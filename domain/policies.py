"""Policies: the files of rules, known by their content; a change needs a second person (feature G-C6)."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from domain.company import Company
from domain.errors import GatewayError, Malformed
from domain.lifecycle import Lifecycle


class PolicyKind(StrEnum):
    """The files of rules by which the gateway decides."""

    COMPANY = "company"
    LIFECYCLE = "lifecycle"


class ProposalState(StrEnum):
    """How far a proposal is."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class ApprovalMode(StrEnum):
    """What happens where a worker starts with rules that nobody approved."""

    OFF = "off"
    WARN = "warn"
    REQUIRE = "require"


class Policy(BaseModel):
    """Rules as they were read. `digest` is of their meaning: a comment or another order of keys changes nothing."""

    model_config = ConfigDict(frozen=True)

    kind: PolicyKind
    version: str
    digest: str
    company: Company | None = None
    lifecycle: Lifecycle | None = None


class PolicyProposal(BaseModel):
    """Rules that somebody proposed, what they would change of past decisions, and who decided about them."""

    model_config = ConfigDict(frozen=True)

    id: str
    kind: PolicyKind
    version: str
    digest: str
    body: str
    reason: str
    what_if: dict[str, Any] | None
    state: ProposalState
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decided_because: str | None


def read_policy(kind: PolicyKind, text: str) -> Policy:
    """Read a file of rules. Raises Malformed with what is wrong."""
    try:
        if kind is PolicyKind.LIFECYCLE:
            lifecycle = Lifecycle.parse(text)
            return Policy(kind=kind, version=lifecycle.named_version, digest=_digest(lifecycle), lifecycle=lifecycle)
        company = Company.parse(text)
    except ValidationError as error:
        raise Malformed(f"The rules cannot be read: {_first(error)}", reason="policy") from error
    except (ValueError, GatewayError) as error:
        raise Malformed(f"The rules cannot be read: {error}", reason="policy") from error
    return Policy(kind=kind, version=company.billing.version, digest=_digest(company), company=company)


def _digest(rules: BaseModel) -> str:
    """Of what the file says, not of what it leaves to the defaults: a newer version of the gateway changes nothing."""
    said = rules.model_dump(mode="json", exclude_unset=True)
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _first(error: ValidationError) -> str:
    one = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, one['loc']))}: {one['msg']}"
