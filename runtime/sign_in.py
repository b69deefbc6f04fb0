"""How people sign in by an OpenID provider, as the settings have it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, SecretStr

Role = Literal["viewer", "operator", "admin"]
ROLES: Final[tuple[Role, ...]] = ("viewer", "operator", "admin")
CALLBACK: Final = "/sign-in/oidc"
PAIR: Final = re.compile(r"(.+)=(viewer|operator|admin)")


class OidcSettings(BaseModel):
    """One OpenID provider and our client there. `roles`: by the values of `role_claim`; `callback`: the way back."""

    model_config = ConfigDict(frozen=True)

    issuer: str
    client_id: str
    client_secret: SecretStr
    callback: str
    scopes: str
    name_claim: str
    role_claim: str
    roles: Mapping[str, Role]
    cookie_keys: SecretStr


def role_pairs(value: str | None) -> dict[str, Role]:
    """`value of the claim=role` pairs, one a line."""
    lines = [line.strip() for line in (value or "").splitlines() if line.strip()]
    found = [PAIR.fullmatch(line) for line in lines]
    return {one[1].strip(): ROLES[ROLES.index(one[2])] for one in found if one}


def checked_roles(value: str | None) -> str | None:
    """Each line gives one value of the claim a role."""
    lines = [line for line in (value or "").splitlines() if line.strip()]
    if len(role_pairs(value)) < len(lines):
        raise ValueError("must have lines of the form group=viewer, group=operator or group=admin, each group once")
    return value
