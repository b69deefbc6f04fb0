"""The first person who may sign in to the dashboard of a stack: made where there is nobody, password shown once."""

from __future__ import annotations

from typing import Final

from console.http import ApiProblemError, ApiUnreachableError
from console.stack import Stack

NAME: Final = "admin"
FORGOTTEN: Final = f"threeway people password {NAME}"


def sign_in_words(stack: Stack) -> str:
    """How to sign in: the name and, only when it was made up just now, the password."""
    if stack.settings.admin_password is not None:
        return f"{NAME}, with THREEWAY_ADMIN_PASSWORD"
    try:
        with stack.api() as api:
            if api.get("/people").get("items"):
                return f"{NAME}, with the password that was shown at the first start; `{FORGOTTEN}` makes a new one"
            made = api.post("/people", {"name": NAME, "role": "admin"})
    except (ApiProblemError, ApiUnreachableError) as error:
        return f"nobody yet ({error}); `threeway people add {NAME} --role admin` lets somebody in"
    return f"{NAME}, password {made['password']} (shown only now)"
