"""Policies: the files of rules, known by their content; a change needs a second person (feature G-C6)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from domain.company import Company
from domain.errors import GatewayError, Malformed
from domain.lifecycle import Lifecycle
from domain.ownership import Ownership
from domain.ownership_reading import read as read_ownership

Rules = Company | Lifecycle | Ownership


class PolicyKind(StrEnum):
    """The files of rules by which the gateway decides."""

    COMPANY = "company"
    LIFECYCLE = "lifecycle"
    OWNERSHIP = "ownership"

    @property
    def file(self) -> str:
        """The name of the file in the folder of settings."""
        return f"{self.value}.toml"


class ProposalState(StrEnum):
    """How far a proposal is."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class ApprovalMode(StrEnum):
    """Whether a worker takes rules that no second person approved."""

    REQUIRED = "required"
    OFF = "off"


class Standing(StrEnum):
    """Whether rules may be used: the first of their kind, approved by a second person, or neither."""

    FIRST = "first"
    APPROVED = "approved"
    UNAPPROVED = "unapproved"


class Policy(BaseModel):
    """Rules as they were read. `digest` is of their meaning: a comment or another order of keys changes nothing."""

    model_config = ConfigDict(frozen=True)

    kind: PolicyKind
    version: str
    digest: str
    rules: Rules


class PolicyUse(BaseModel):
    """Rules by which a worker has worked, since when; `proposal_id` None: the first ones, or nobody approved them."""

    model_config = ConfigDict(frozen=True)

    kind: PolicyKind
    digest: str
    version: str
    proposal_id: str | None
    first_used_at: datetime


class ProposalHead(BaseModel):
    """A proposal of rules as a list shows it: who made it and why, and who decided about it."""

    model_config = ConfigDict(frozen=True)

    id: str
    kind: PolicyKind
    version: str
    digest: str
    reason: str
    state: ProposalState
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decided_because: str | None


class PolicyProposal(ProposalHead):
    """With the text of the rules, and what they would have changed of the newest decisions when they were proposed."""

    body: str
    what_if: dict[str, Any] | None


def read_policy(kind: PolicyKind, text: str) -> Policy:
    """Read a file of rules. Raises Malformed with what is wrong."""
    try:
        return policy_of(_READERS[kind](text))
    except ValidationError as error:
        raise Malformed(f"The rules cannot be read: {_first(error)}", reason="policy") from error
    except (ValueError, GatewayError) as error:
        raise Malformed(f"The rules cannot be read: {error}", reason="policy") from error


def policy_of(rules: Rules) -> Policy:
    """Rules that were read already, known by their content."""
    if isinstance(rules, Company):
        digest = _digest(rules)
        version = f"{rules.billing.version}@{digest[:8]}"
        return Policy(kind=PolicyKind.COMPANY, version=version, digest=digest, rules=rules)
    if isinstance(rules, Lifecycle):
        version, digest = rules.named_version, _digest(rules, in_order=True)  # the place of an event counts
        return Policy(kind=PolicyKind.LIFECYCLE, version=version, digest=digest, rules=rules)
    return Policy(kind=PolicyKind.OWNERSHIP, version=rules.version, digest=_digest(rules), rules=rules)


def same_person(one: str, other: str) -> bool:
    """Whether two names of keys are one person's: capitals and blanks make nobody a second person."""
    return "".join(one.split()).casefold() == "".join(other.split()).casefold()


_READERS: Mapping[PolicyKind, Callable[[str], Rules]] = {
    PolicyKind.COMPANY: Company.parse,
    PolicyKind.LIFECYCLE: Lifecycle.parse,
    PolicyKind.OWNERSHIP: read_ownership,
}


def _digest(rules: BaseModel, *, in_order: bool = False) -> str:
    """Of what the file says, not of what it leaves to the defaults: a newer version of the gateway changes nothing."""
    left_out = {"version"} if isinstance(rules, Ownership) else None  # there it is a digest of the very text
    said = rules.model_dump(mode="json", exclude_unset=True, exclude=left_out)
    return hashlib.sha256(json.dumps(said, sort_keys=not in_order).encode()).hexdigest()


def _first(error: ValidationError) -> str:
    one = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, one['loc']))}: {one['msg']}"
