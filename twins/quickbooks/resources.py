"""The resources under `/v3/company/{realm}`: which path and method does what, and with which request id."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from twins.quickbooks.answers import BusinessFault, no_resource, unsupported
from twins.quickbooks.batch import run_batch
from twins.quickbooks.changes import run_cdc
from twins.quickbooks.invoices import send_invoice
from twins.quickbooks.operations import change, company_info, kind_of, preferences, read
from twins.quickbooks.replay import Outcome, check_request_id, once
from twins.quickbooks.search import run_query
from twins.quickbooks.state import Company
from twins.web import JsonObject, dump_json, load_json


@dataclass(frozen=True)
class Call:
    """One authorised request: its path below the company, its parameters and its body."""

    method: str
    path: str
    resource: tuple[str, ...]
    parameters: Mapping[str, str]
    body: bytes

    @property
    def include(self) -> frozenset[str]:
        """The words of the `include` parameter."""
        return frozenset(self.parameters.get("include", "").split(","))

    def document(self) -> Any:
        """Return the JSON body; 2010 when it is malformed."""
        try:
            return load_json(self.body)
        except (ValueError, RecursionError) as problem:
            raise BusinessFault(2010, f"Property Name:Malformed JSON : {problem}", "") from None


def answer(company: Company, call: Call) -> Outcome:
    """Answer one call of the API with a document; faults come back as outcomes."""
    try:
        return _read(company, call) if call.method == "GET" else _write(company, call)
    except BusinessFault as fault:
        return Outcome(fault.status, dump_json(_refusal(company, fault)), code=fault.code)


def _refusal(company: Company, fault: BusinessFault) -> JsonObject:
    return {"Fault": fault.body(), "time": company.time()}


def _read(company: Company, call: Call) -> Outcome:
    match call.resource:
        case ("preferences",):
            found: JsonObject = {"Preferences": preferences(company)}
        case ("companyinfo", _):
            found = {"CompanyInfo": company_info(company)}
        case ("query",):
            found = {"QueryResponse": run_query(company, call.parameters.get("query", ""))}
        case ("cdc",):
            found = {"CDCResponse": run_cdc(company, call.parameters)}
        case (entity, key):
            kind = kind_of(entity, call.path)
            found = {kind: read(company, kind, key)}
        case _:
            raise no_resource(call.path)
    return Outcome(200, dump_json({**found, "time": company.time()}))


def _write(company: Company, call: Call) -> Outcome:
    request_id = call.parameters.get("requestid") or None
    if call.resource == ("query",):
        found = {"QueryResponse": run_query(company, call.body.decode("utf-8", "replace"))}
        return Outcome(200, dump_json({**found, "time": company.time()}))
    batch = call.resource == ("batch",)
    check_request_id(request_id, 36 if batch else 50)
    # The operation is no part of the identity: a request id names one request of the company, whatever it asks for.
    key = f"{call.path} {request_id}" if request_id is not None else None
    if batch:
        return _batch(company, call, key)
    work = _work(company, call)
    return once(company, key, lambda: {**work(), "time": company.time()}, lambda fault: _refusal(company, fault))


def _batch(company: Company, call: Call, key: str | None) -> Outcome:
    document, outcomes = run_batch(company, call.document(), key)
    replayed = bool(outcomes) and all(outcome.replayed for outcome in outcomes)
    return Outcome(200, dump_json(document), replayed)


def _work(company: Company, call: Call) -> Callable[[], JsonObject]:
    match call.resource:
        case ("invoice", key, "send"):
            return lambda: {"Invoice": send_invoice(company, key, call.parameters.get("sendTo"))}
        case (entity,):
            kind = kind_of(entity, call.path)
            operation = call.parameters.get("operation", "").lower()
            if operation not in ("", "create", "update", "delete", "void"):
                raise BusinessFault(500, f"Operation {operation} is not supported for {kind}")
            document = call.document()
            if not isinstance(document, Mapping):
                raise unsupported(kind)
            return lambda: {kind: change(company, kind, operation, document, call.include)}
        case _:
            raise no_resource(call.path)
