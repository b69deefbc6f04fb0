"""The system itself: whether the other systems let us in, and the people who may sign in."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form, Request
from fastapi.responses import Response
from pydantic import SecretStr

from api.dashboard.pages import back_to, formed, key_of, page_router, said
from api.dashboard.rendering import page
from api.dashboard.signing_in import Administering, Looking
from api.routes import connections, people
from api.routes.people import NewPerson
from api.services import Reading, Serving
from store.tables.people import Role

router = page_router()


@router.get("/ui/connections")
def show_connections(request: Request, session: Reading, serving: Serving, person: Looking) -> Response:
    """Each system: what the last look came to, its token, and how its calls went."""
    found = connections.list_connections(serving, key_of(person))
    usage = connections.read_usage(session, serving, key_of(person))
    return page(request, "connections.html", person, found=found.items, usage=usage)


@router.get("/ui/people")
def show_people(request: Request, session: Reading, person: Administering) -> Response:
    """Everybody who may sign in."""
    found = people.list_people(session, key_of(person)).items
    return page(request, "people.html", person, found=found, roles=list(Role), said=said(request))


@router.post("/ui/people")
def take_person(
    serving: Serving,
    person: Administering,
    name: Annotated[str, Form(max_length=80)],
    role: Annotated[Role, Form()],
    password: Annotated[SecretStr, Form(max_length=200)],
    full_name: Annotated[str, Form(max_length=120)] = "",
) -> Response:
    """Let somebody sign in."""
    new = formed(NewPerson, name=name, full_name=full_name, role=role, password=password)
    people.create_person(new, serving, key_of(person))
    return back_to("/ui/people", "added")


@router.post("/ui/people/{name}/disable")
def take_disabling(name: str, serving: Serving, person: Administering) -> Response:
    """Let somebody sign in no more."""
    people.disable_person(name, serving, key_of(person))
    return back_to("/ui/people", "disabled")
