"""People in the store: who may sign in, and where they are; a password is kept as argon2 keeps it, never as it is."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Final

from pwdlib import PasswordHash
from pydantic import BaseModel, ConfigDict, SecretStr
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col

from domain.errors import Duplicate, Malformed, Missing, NotAuthorized
from store.tables.people import PasswordRow, PersonRow, Role, SignInRow

SHORTEST: Final = 12  # characters of a password
LONGEST: Final = 200
TRIES: Final = 5  # wrong ones in a row, before a person has to wait
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(minutes=15)
SIGNED_IN_FOR = timedelta(hours=12)  # a working day
UNSEEN_FOR = timedelta(hours=2)  # a browser that was left alone for so long is signed out
SEEN_IS_NOTED_EVERY = timedelta(minutes=1)

_HASHES = PasswordHash.recommended()
_NOBODYS = _HASHES.hash(secrets.token_urlsafe(16))  # who is not there takes as long as who is


class Person(BaseModel):
    """A person who may sign in; `disabled_at`: since when no more."""

    model_config = ConfigDict(frozen=True)

    name: str
    full_name: str
    role: Role
    created_at: datetime
    disabled_at: datetime | None


class Vouched(BaseModel):
    """Somebody as an OpenID provider knows them; `subject` is its own name of them, and never another person's."""

    model_config = ConfigDict(frozen=True)

    subject: str
    name: str
    full_name: str
    role: Role


class TooManyTries(Exception):
    """Somebody has given so many wrong passwords that they have to wait; `wait` says how long still."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(f"{wait} to wait")
        self.wait = wait


def create(session: Session, name: str, full_name: str, role: Role, password: SecretStr) -> Person:
    """Let somebody sign in. Raises Malformed for a short password, Duplicate for a name that is taken."""
    login = name.strip().lower()
    given = _checked(password, login)
    new = insert(PersonRow).values(name=login, full_name=full_name.strip(), role=role.value)
    row = session.scalars(new.on_conflict_do_nothing(index_elements=["name"]).returning(PersonRow)).one_or_none()
    if row is None:
        raise Duplicate(f"There is somebody called {login} already.", reason="person_taken")
    session.execute(insert(PasswordRow).values(person=login, password_hash=_HASHES.hash(given)))
    return _person(row)


def from_provider(session: Session, vouched: Vouched) -> Person:
    """The person for whom a provider vouches, made at their first sign-in; their name and role follow the provider's.

    Found by the provider's own subject alone: a name can be given to another person there. Raises Duplicate where
    somebody else has the name here, and NotAuthorized for one who was disabled.
    """
    theirs = select(PersonRow).where(col(PersonRow.subject) == vouched.subject)
    row = session.scalars(theirs).one_or_none()
    if row is None:
        login = vouched.name.strip().lower()
        new = insert(PersonRow).values(name=login, subject=vouched.subject, role=vouched.role.value)
        session.execute(new.on_conflict_do_nothing())
        row = session.scalars(theirs).one_or_none()  # ours, or that of another window that was quicker
    if row is None:
        detail = f"Somebody else is called {vouched.name} here. Ask an admin."
        raise Duplicate(detail, reason="person_taken")
    if row.disabled_at is not None:
        raise NotAuthorized("You may not sign in any more. Ask an admin.", reason="disabled")
    row.full_name, row.role = vouched.full_name, vouched.role.value
    session.flush()
    return _person(row)


def change_password(session: Session, name: str, password: SecretStr) -> None:
    """Set a password; every browser in which the person was signed in is signed out.

    Raises Missing for nobody, and Malformed for one who has no password here and for one that is too weak.
    """
    login = name.strip().lower()
    hashed = _HASHES.hash(_checked(password, login))
    values = {"password_hash": hashed, "changed_at": func.now(), "failed_count": 0, "failed_at": None}
    changed = session.execute(
        update(PasswordRow).where(col(PasswordRow.person) == login).values(**values).returning(col(PasswordRow.person))
    )
    if changed.first() is None:
        if session.get(PersonRow, login) is not None:
            raise Malformed(f"{login} signs in by the provider, which keeps the password.", reason="no_password")
        raise Missing(f"There is nobody called {login}.", reason="person")
    sign_out_everywhere(session, login)


def disable(session: Session, name: str) -> bool:
    """Let somebody sign in no more, at once; False for one who is unknown or was disabled before."""
    login = name.strip().lower()
    done = session.execute(
        update(PersonRow)
        .where(col(PersonRow.name) == login, col(PersonRow.disabled_at).is_(None))
        .values(disabled_at=func.now())
        .returning(col(PersonRow.name))
    )
    sign_out_everywhere(session, login)
    return done.first() is not None


def need(session: Session, name: str) -> Person:
    """A person, also one who is disabled. Raises Missing."""
    row = session.get(PersonRow, name.strip().lower(), populate_existing=True)
    if row is None:
        raise Missing(f"There is nobody called {name}.", reason="person")
    return _person(row)


def ensure_first(session: Session, name: str, password: SecretStr) -> bool:
    """Make the first admin where nobody is yet; False where somebody is. Of two at once one makes it."""
    if session.scalars(select(PersonRow).limit(1)).first() is not None:
        return False
    new = insert(PersonRow).values(name=name, role=Role.ADMIN.value)
    made = session.scalars(new.on_conflict_do_nothing(index_elements=["name"]).returning(col(PersonRow.name))).first()
    if made is None:
        return False
    session.execute(insert(PasswordRow).values(person=name, password_hash=_HASHES.hash(_checked(password, name))))
    return True


def list_all(session: Session) -> list[Person]:
    """Everybody who ever could sign in, by name."""
    return [_person(row) for row in session.scalars(select(PersonRow).order_by(col(PersonRow.name)))]


def verified(session: Session, name: str, password: SecretStr, now: datetime) -> Person | None:
    """The person, when this is their password; a wrong one is counted, so commit in any case.

    Raises TooManyTries while they have to wait, whatever they give. Who is unknown takes as long as who is not.
    """
    login, given = name.strip().lower(), password.get_secret_value()[:LONGEST]
    kept = session.get(PasswordRow, login, with_for_update=True, populate_existing=True)
    person = session.get(PersonRow, login, populate_existing=True)
    if kept is not None and (wait := _wait(kept, now)):
        raise TooManyTries(wait)
    matches = _HASHES.verify(given, kept.password_hash if kept else _NOBODYS)
    if kept is None or person is None:
        return None
    if not matches:
        kept.failed_count, kept.failed_at = kept.failed_count + 1, now
        session.flush()
        return None
    kept.failed_count, kept.failed_at = 0, None
    session.flush()
    return None if person.disabled_at else _person(person)


def sign_in(session: Session, person: Person, now: datetime) -> SecretStr:
    """Sign a browser in; answers the value of its cookie, which is shown this once."""
    session.execute(delete(SignInRow).where(col(SignInRow.expires_at) <= now))
    token = SecretStr(secrets.token_urlsafe(32))
    times = {"created_at": now, "last_seen_at": now, "expires_at": now + SIGNED_IN_FOR}
    session.add(SignInRow(token_hash=_hash(token), person=person.name, **times))
    session.flush()
    return token


def signed_in(session: Session, token: SecretStr, now: datetime) -> Person | None:
    """Who is signed in with this cookie; None for one that is unknown, too old, or left alone for too long."""
    query = (
        select(SignInRow, PersonRow)
        .join(PersonRow, col(PersonRow.name) == col(SignInRow.person))
        .where(col(SignInRow.token_hash) == _hash(token), col(PersonRow.disabled_at).is_(None))
        .where(col(SignInRow.expires_at) > now, col(SignInRow.last_seen_at) > now - UNSEEN_FOR)
    )
    found = session.execute(query).first()
    return None if found is None else _person(found[1])


def seen(session: Session, token: SecretStr, now: datetime) -> None:
    """Note that a browser is in use, at most once a minute."""
    session.execute(
        update(SignInRow)
        .where(col(SignInRow.token_hash) == _hash(token), col(SignInRow.last_seen_at) < now - SEEN_IS_NOTED_EVERY)
        .values(last_seen_at=now)
    )


def sign_out(session: Session, token: SecretStr) -> None:
    """Sign a browser out."""
    session.execute(delete(SignInRow).where(col(SignInRow.token_hash) == _hash(token)))


def sign_out_everywhere(session: Session, name: str) -> None:
    """Sign a person out of every browser."""
    session.execute(delete(SignInRow).where(col(SignInRow.person) == name))


def _wait(kept: PasswordRow, now: datetime) -> timedelta | None:
    """How long somebody has still to wait: a minute after five wrong ones, twice as long after each further one."""
    if kept.failed_count < TRIES or kept.failed_at is None:
        return None
    waits = min(FIRST_WAIT * 2 ** min(kept.failed_count - TRIES, 10), LONGEST_WAIT)
    left = kept.failed_at + waits - now
    return left if left > timedelta(0) else None


def _checked(password: SecretStr, login: str) -> str:
    given = password.get_secret_value()
    if not SHORTEST <= len(given) <= LONGEST:
        detail = f"A password has {SHORTEST} to {LONGEST} characters."
        raise Malformed(detail, reason="password")
    if login in given.lower() or len(set(given)) < 5:
        raise Malformed("A password holds no name and more than a few different characters.", reason="password")
    return given


def _hash(token: SecretStr) -> str:
    return hashlib.sha256(token.get_secret_value().encode()).hexdigest()


def _person(row: PersonRow) -> Person:
    return Person.model_validate(row, from_attributes=True)
