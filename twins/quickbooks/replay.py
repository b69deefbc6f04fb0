"""Idempotency by `requestid`: the first answer is stored with its effect and given again, byte for byte."""

from collections.abc import Callable
from dataclasses import dataclass

from twins.quickbooks.answers import BusinessFault
from twins.quickbooks.state import Company
from twins.web import JsonObject, dump_json


@dataclass(frozen=True)
class Outcome:
    """What a request comes to: status and body, whether it was a replay, and the code of a fault."""

    status: int
    text: str
    replayed: bool = False
    code: int | None = None


def check_request_id(request_id: str | None, longest: int = 50) -> None:
    """Refuse (2130) a request id that is too long."""
    if request_id is not None and len(request_id) > longest:
        detail = (
            f"Invalid Request Id Format : {len(request_id)} characters were supplied, at most {longest} are allowed"
        )
        raise BusinessFault(2130, detail, "requestid")


def once(
    company: Company,
    key: str | None,
    work: Callable[[], JsonObject],
    refuse: Callable[[BusinessFault], JsonObject],
) -> Outcome:
    """Do the work and store its answer in one transaction, or return the stored answer.

    A fault is answered with the body that `refuse` makes of it, without effect; it is stored only when the setting
    `cache_faults` is on. Without a key nothing is stored.
    """
    try:
        with company.database.transaction():
            stored = _stored(company, key)
            if stored is not None:
                return stored
            answer = Outcome(200, dump_json(work()))
            _store(company, key, answer)
            return answer
    except BusinessFault as fault:
        answer = Outcome(fault.status, dump_json(refuse(fault)), code=fault.code)
        if company.settings["cache_faults"]:
            _store(company, key, answer)
        return answer


def _stored(company: Company, key: str | None) -> Outcome | None:
    if key is None:
        return None
    rows = company.database.execute("SELECT status, body FROM replay WHERE request_key = ?", key)
    return Outcome(int(rows[0][0]), str(rows[0][1]), replayed=True) if rows else None


def _store(company: Company, key: str | None, answer: Outcome) -> None:
    if key is not None:
        sql = "INSERT INTO replay (request_key, status, body) VALUES (?, ?, ?)"
        company.database.execute(sql, key, answer.status, answer.text)
