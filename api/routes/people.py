"""People who sign in to the dashboard: made, listed, given a new password and disabled by an admin."""

from __future__ import annotations

import secrets
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from api.auth import Admin
from api.operations import user_cause
from api.services import Reading, Services, Serving
from api.shapes import Listing, problems
from domain.errors import Duplicate, Missing
from store import people
from store.people import Person
from store.session import transaction
from store.tables.people import Role

router = APIRouter(prefix="/people", tags=["people"])

RANDOM_BYTES = 15  # 20 characters: nobody guesses it, and one can still type it

Login = Annotated[
    str,
    StringConstraints(strip_whitespace=True, to_lower=True, max_length=80, pattern=r"^[A-Za-z0-9][A-Za-z0-9._@+-]*$"),
]
Password = Annotated[SecretStr, Field(min_length=people.SHORTEST, max_length=people.LONGEST)]


class NewPerson(BaseModel):
    """Somebody to let in; without a password one is made up."""

    model_config = ConfigDict(
        str_strip_whitespace=True,
        json_schema_extra={"examples": [{"name": "ana", "full_name": "Ana Ruiz", "role": "operator"}]},
    )

    name: Login = Field(description="What they sign in with; it signs what they do.")
    full_name: str = Field(default="", max_length=120)
    role: Role = Role.VIEWER
    password: Password | None = None


class NewPassword(BaseModel):
    """A password to set; without one it is made up."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})

    password: Password | None = None


class MadePerson(Person):
    """A person with the password that was made up for them, shown this once; null where one was given."""

    password: str | None


@router.get("", responses=problems(), summary="List people")
def list_people(session: Reading, key: Admin) -> Listing[Person]:
    """Everybody who ever could sign in, by name, without passwords."""
    return Listing(items=people.list_all(session))


@router.post("", status_code=HTTPStatus.CREATED, responses=problems(409, 413), summary="Let a person sign in")
def create_person(new: NewPerson, serving: Serving, key: Admin) -> MadePerson:
    """Make a person; a password that is made up is not shown again."""
    made_up, password = _password(new.password)
    with transaction(serving.engine, user_cause(key.name, person=new.name)) as session:
        made = people.create(session, new.name, new.full_name, new.role, password)
    return MadePerson(**made.model_dump(), password=made_up)


@router.post("/{name}/password", responses=problems(404, 413), summary="Give a person a new password")
def change_password(name: str, new: NewPassword, serving: Serving, key: Admin) -> MadePerson:
    """Set a password; they are signed out everywhere, and one who had to wait need not wait any more."""
    made_up, password = _password(new.password)
    with transaction(serving.engine, user_cause(key.name, person=name)) as session:
        people.change_password(session, name, password)
        person = people.need(session, name)
    return MadePerson(**person.model_dump(), password=made_up)


@router.post("/{name}/disable", responses=problems(404, 409, 413), summary="Let a person sign in no more")
def disable_person(name: str, serving: Serving, key: Admin) -> Person:
    """They are signed out at once. What they decided stays under their name; nobody locks himself out by a slip."""
    if name.strip().lower() == key.name:
        raise Duplicate("This is you: let another admin do it.", reason="person_in_use")
    return _disabled(serving, name, key.name)


def _disabled(serving: Services, name: str, by: str) -> Person:
    with transaction(serving.engine, user_cause(by, person=name)) as session:
        if not people.disable(session, name):
            raise Missing(f"There is nobody called {name} who can sign in.", reason="person")
        return people.need(session, name)


def _password(given: SecretStr | None) -> tuple[str | None, SecretStr]:
    if given is not None:
        return None, given
    made_up = secrets.token_urlsafe(RANDOM_BYTES)
    return made_up, SecretStr(made_up)
