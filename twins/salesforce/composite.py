"""Composite: up to 25 calls in one, where later ones may use what earlier ones answered."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from twins.salesforce.errors import ApiError
from twins.salesforce.org import Org
from twins.salesforce.rest import Answer, Call, Handler, Router, split_target

LARGEST = 25
MOST_QUERIES = 5
REFERENCE = re.compile(r"@\{([^}]+)\}")
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
HALTED = "The transaction was rolled back since another operation in the same transaction failed."


class _Halted(Exception):
    """Leaves the block of an all-or-none request."""


def composite(router: Router) -> Handler:
    """The handler of `POST /composite`, whose subrequests go through the router like calls of their own."""

    def handle(org: Org, call: Call) -> Answer:
        body = call.record()
        requests = _subrequests(body)
        results: list[dict[str, Any]] = []
        try:
            with org.attempt():
                for request in requests:
                    results.append(run_step(router, org, call, (request, results)))
                    _go_on(results[-1], all_or_none=body.get("allOrNone") is True)
        except _Halted:
            results = _rolled_back(requests, results)
        return Answer(200, {"compositeResponse": results}, notes={"rows": len(requests)})

    return handle


def _go_on(result: Mapping[str, Any], *, all_or_none: bool) -> None:
    if all_or_none and not succeeded(result):
        raise _Halted


def _subrequests(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    requests = body.get("compositeRequest")
    if not isinstance(requests, list) or not requests or len(requests) > LARGEST:
        raise ApiError(400, "INVALID_INPUT", f"compositeRequest must have between 1 and {LARGEST} subrequests")
    seen = set()
    for request in requests:
        if not isinstance(request, dict) or not all(request.get(name) for name in ("method", "url", "referenceId")):
            raise ApiError(400, "INVALID_INPUT", "Every subrequest needs a method, a url and a referenceId")
        if request["referenceId"] in seen:
            raise ApiError(400, "INVALID_INPUT", f"Duplicate referenceId: {request['referenceId']}")
        seen.add(request["referenceId"])
    heavy = sum("/query" in request["url"] or "/composite/sobjects" in request["url"] for request in requests)
    if heavy > MOST_QUERIES:
        raise ApiError(400, "INVALID_INPUT", f"At most {MOST_QUERIES} subrequests may be queries or collections")
    return requests


def run_step(router: Router, org: Org, call: Call, step: tuple[dict[str, Any], list[dict[str, Any]]]) -> dict[str, Any]:
    """Do one subrequest, which may use the results of those before it."""
    request, results = step
    known = {result["referenceId"]: result for result in results}
    try:
        target = str(_resolve(request["url"], known))
        version, path, query = split_target(target)
        headers = {name.lower(): str(value) for name, value in (request.get("httpHeaders") or {}).items()}
        content = _resolve(request.get("body"), known)
        method = str(request["method"]).upper()
        sub = replace(call, method=method, version=version, path=path, query=query, headers=headers, content=content)
        answer = router.dispatch(org, sub)
    except ApiError as refusal:
        answer = Answer(refusal.status, refusal.body())
    return _result(request, answer)


def _result(request: Mapping[str, Any], answer: Answer) -> dict[str, Any]:
    return {
        "body": answer.body,
        "httpHeaders": answer.headers,
        "httpStatusCode": answer.status,
        "referenceId": request["referenceId"],
    }


def succeeded(result: Mapping[str, Any]) -> bool:
    """Whether a subrequest did what it was asked."""
    return bool(result["httpStatusCode"] < 300 or result["httpStatusCode"] == 304)


def _rolled_back(requests: list[dict[str, Any]], results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        results[index] if index < len(results) and not succeeded(results[index]) else halted(request)
        for index, request in enumerate(requests)
    ]


def halted(request: Mapping[str, Any], message: str = HALTED) -> dict[str, Any]:
    """The result of a subrequest that came to nothing through no fault of its own."""
    return _result(request, Answer(400, ApiError(400, "PROCESSING_HALTED", message).body()))


def _resolve(value: Any, known: Mapping[str, dict[str, Any]]) -> Any:
    """The value with every `@{reference.field}` replaced; a text that is one reference takes the value as it is."""
    if isinstance(value, dict):
        return {name: _resolve(item, known) for name, item in value.items()}
    if isinstance(value, list):
        return [_resolve(item, known) for item in value]
    if not isinstance(value, str):
        return value
    whole = REFERENCE.fullmatch(value)
    if whole:
        return _referenced(whole.group(1), known)
    return REFERENCE.sub(lambda match: str(_referenced(match.group(1), known)), value)


def _referenced(text: str, known: Mapping[str, dict[str, Any]]) -> Any:
    name, *steps = (match.group(1) or int(match.group(2)) for match in _STEP.finditer(text))
    result = known.get(str(name))
    value: Any = result["body"] if result is not None and succeeded(result) else None
    for step in steps:
        value = _member(value, step)
    if value is None or not steps:
        message = f"Invalid reference specified. No value for {text} found in {name}"
        raise ApiError(400, "PROCESSING_HALTED", message)
    return value


def _member(value: Any, step: str | int) -> Any:
    if isinstance(step, int):
        return value[step] if isinstance(value, list) and step < len(value) else None
    if not isinstance(value, Mapping):
        return None
    return next((item for name, item in value.items() if name.lower() == step.lower()), None)
