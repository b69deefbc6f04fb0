"""What the API works with: built once by the root, handed to routes as a dependency."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import Engine
from sqlmodel import Session
from temporalio.client import Client

from activities.alerting import AlertDesk
from activities.book_hooks import BookHookReceiver
from activities.hooks import HookReceiver
from activities.receiving import Receiver
from api.oidc import OidcSignIn
from api.outside import Outside
from api.uploads import Uploads
from domain.company import Company
from domain.lifecycle import Lifecycle
from domain.policies import ApprovalMode
from runtime.payloads import PayloadCipher
from store.session import close_engine, reading


@dataclass(frozen=True)
class Services:
    """The store, Temporal, the intake of files, the rules of `config_dir`; `outside` is for links only."""

    engine: Engine
    client: Client
    receiver: Receiver
    company: Company
    lifecycle: Lifecycle
    config_dir: Path
    approval: ApprovalMode
    hooks: HookReceiver
    book_hooks: BookHookReceiver
    alerts: AlertDesk
    outside: Outside = field(default_factory=Outside)
    provider: OidcSignIn | None = None
    uploads: Uploads = field(default_factory=Uploads)
    payloads: PayloadCipher = field(default_factory=lambda: PayloadCipher(None))

    def close(self) -> None:
        """Let the connections and threads go."""
        self.uploads.close()
        close_engine(self.engine)


def services(request: Request) -> Services:
    """The services of this app."""
    found: Services = request.app.state.services
    return found


def read_session(request: Request) -> Iterator[Session]:
    """A read-only session for one request; it sees one instant of the store."""
    with reading(services(request).engine) as session:
        yield session


Serving = Annotated[Services, Depends(services)]
Reading = Annotated[Session, Depends(read_session)]
