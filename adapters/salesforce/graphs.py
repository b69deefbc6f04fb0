"""Orders sent by composite graphs: an order is a transaction of its own, and up to 75 of them go in one call.

A graph happens whole or not at all. A node that Salesforce refuses for good is left out of its graph, which is sent
again without it; what was locked is sent again after a while. One order's failure is none of the others', except that
Salesforce stops working on a call after its fifteenth failed graph: what it did not reach is sent again, too.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import NamedTuple

from adapters.salesforce.client import SalesforceClient
from adapters.salesforce.errors import DUPLICATE_VALUE, LOCKED_ROW, read_complaint
from adapters.salesforce.lanes import Allowance
from adapters.salesforce.rows import CONTAGIOUS, Target, late, outcome_of_failure, refused
from domain.errors import Unavailable
from domain.publication import StatementOutcome

MOST_GRAPHS = 75
MOST_NODES = 500

_ATTEMPTS = 5
_EXTRA_CALLS = 32
_HALTED = "PROCESSING_HALTED"
_dice = random.SystemRandom()


class Node(NamedTuple):
    """One record of an order; `path` is that of its row, `place` says where its outcome belongs."""

    place: tuple[int, int]
    key: str
    path: str
    fields: Mapping[str, object]
    target: Target
    is_header: bool = False


class Graph(NamedTuple):
    """The records of one order that are written together; `cut`: how often a refused one was left out."""

    order_number: str
    nodes: tuple[Node, ...]
    cut: int = 0
    attempt: int = 0


class _Verdict(NamedTuple):
    """What an answer leaves to be done: graphs to send again, and those that Salesforce did not get to."""

    again: tuple[Graph, ...] = ()
    unreached: tuple[Graph, ...] = ()


Outcomes = dict[tuple[int, int], StatementOutcome]


class GraphSender:
    """Sends graphs within a time and a number of calls; for one statement only: its time runs from the start.

    `existing` tells which of some order numbers Salesforce has. It is asked when a call was given up for its failures:
    orders that are not there shall not use up one call after another.
    """

    def __init__(
        self, client: SalesforceClient, budget: timedelta, existing: Callable[[Sequence[str]], set[str]]
    ) -> None:
        self._client = client
        self._allowance = Allowance(budget, _EXTRA_CALLS)
        self._existing = existing
        self._outcomes: Outcomes = {}

    def send(self, graphs: Iterable[Graph]) -> Outcomes:
        """The outcome of every node, by its place.

        Raises the error of a whole call (limits, outages, settings); sending everything again is then safe. What there
        was no time for, and what stayed locked, comes back as failed and worth repeating.
        """
        waiting = sorted(graphs, key=lambda graph: graph.order_number)
        while waiting:
            verdicts = [self._settle(batch) for batch in batches(waiting)]
            unreached = [graph for verdict in verdicts for graph in verdict.unreached]
            again = [graph for verdict in verdicts for graph in verdict.again]
            waiting = [*again, *self._those_that_exist(unreached)]
            if not self._may_go_on(waiting):
                break
        return self._outcomes

    def _may_go_on(self, waiting: Sequence[Graph]) -> bool:
        """Wait where something was locked; False without time, or when it would burn the daily pool."""
        attempt = max((graph.attempt for graph in waiting), default=0)
        if attempt >= _ATTEMPTS or not self._allowance.may_call(len(list(batches(waiting)))):
            return False
        return attempt == 0 or self._allowance.wait(_dice.uniform(0.05, 0.15) * 2**attempt)

    def _those_that_exist(self, unreached: Sequence[Graph]) -> list[Graph]:
        if not unreached:
            return []
        there = self._existing([graph.order_number for graph in unreached]) | {""}  # "": of no order
        for graph in unreached:
            if graph.order_number not in there:
                self._note(graph.nodes, missing)
        return [graph for graph in unreached if graph.order_number in there]

    def _settle(self, batch: Sequence[Graph]) -> _Verdict:
        """Send a batch; one that fails as a whole without a reason is halved until the order to blame stands alone."""
        if not self._allowance.may_begin():
            self._leave(batch)
            return _Verdict()
        try:
            answers = self._post(batch)
        except Unavailable as error:
            if error.reason != LOCKED_ROW and error.reason not in CONTAGIOUS:
                raise
            return self._failed_as_one(batch, error)
        verdicts = [self._read(graph, answer) for graph, answer in zip(batch, answers, strict=True)]
        return _joined(verdicts)

    def _failed_as_one(self, batch: Sequence[Graph], error: Unavailable) -> _Verdict:
        failed = outcome_of_failure(error)
        for graph in batch:
            self._note(graph.nodes, lambda node: failed.model_copy(update={"key": node.key}))
        if error.reason == LOCKED_ROW:
            return _Verdict(again=tuple(graph._replace(attempt=graph.attempt + 1) for graph in batch))
        if len(batch) == 1 or not self._allowance.may_call(2):
            return _Verdict()
        middle = len(batch) // 2
        return _joined([self._settle(batch[:middle]), self._settle(batch[middle:])])

    def _post(self, batch: Sequence[Graph]) -> list[dict[str, Mapping[str, object]]]:
        """Send a batch, and give the results of each graph's nodes by their reference."""
        body = [
            {"graphId": f"g{number}", "compositeRequest": [self._request(at, node) for at, node in _named(graph)]}
            for number, graph in enumerate(batch)
        ]
        answer = self._client.write("POST", "composite/graph", {"graphs": body})
        graphs = answer.get("graphs") if isinstance(answer, Mapping) else None
        by_id = {str(one.get("graphId")): one for one in graphs or () if isinstance(one, Mapping)}
        results = [_results(by_id.get(f"g{number}")) for number in range(len(batch))]
        if any(len(found) != len(graph.nodes) for found, graph in zip(results, batch, strict=True)):
            raise Unavailable("Salesforce did not answer for every row.", reason="results_missing")
        return results

    def _request(self, reference: str, node: Node) -> dict[str, object]:
        url = f"{self._client.base}/{node.path}"
        return {"method": "PATCH", "url": url, "referenceId": reference, "body": node.fields}

    def _read(self, graph: Graph, results: Mapping[str, Mapping[str, object]]) -> _Verdict:
        """Read the answer for one graph: all of it was taken, it was not reached, or some of it was refused."""
        answered = [(node, results[reference]) for reference, node in _named(graph)]
        if all(_is_taken(result) for _, result in answered):
            for node, result in answered:
                self._outcomes[node.place] = _taken(node, result)
            return _Verdict()
        self._leave([graph])  # until the rest of it is answered for
        to_blame = [(node, result) for node, result in answered if _is_refused(result)]
        if not to_blame:
            return _Verdict(unreached=(graph,))
        for node, result in to_blame:
            self._outcomes[node.place] = _refusal(node, result)
        return self._after_refusal(graph, [node for node, _ in to_blame])

    def _after_refusal(self, graph: Graph, to_blame: Sequence[Node]) -> _Verdict:
        said = [self._outcomes[node.place] for node in to_blame]
        if any(node.is_header and one.reason == node.target.missing for node, one in zip(to_blame, said, strict=True)):
            self._note(graph.nodes, missing)  # without its order nothing else can be written
            return _Verdict()
        if all(_is_worth_repeating(one, graph.attempt) for one in said):
            return _Verdict(again=(graph._replace(attempt=graph.attempt + 1),))
        rest = tuple(node for node in graph.nodes if node not in to_blame)
        if graph.cut == 0:
            return _Verdict(again=(graph._replace(nodes=rest, cut=1),) if rest else ())
        return _Verdict(again=tuple(graph._replace(nodes=(node,), cut=2) for node in rest))  # each on its own

    def _leave(self, graphs: Sequence[Graph]) -> None:
        for graph in graphs:
            self._note(graph.nodes, lambda node: late(node.key))

    def _note(self, nodes: Sequence[Node], outcome: Callable[[Node], StatementOutcome]) -> None:
        self._outcomes.update((node.place, outcome(node)) for node in nodes)


def batches(graphs: Sequence[Graph]) -> Iterator[list[Graph]]:
    """Fill calls: no more than 75 graphs and 500 nodes in one."""
    batch: list[Graph] = []
    nodes = 0
    for graph in graphs:
        if batch and (len(batch) == MOST_GRAPHS or nodes + len(graph.nodes) > MOST_NODES):
            yield batch
            batch, nodes = [], 0
        batch.append(graph)
        nodes += len(graph.nodes)
    if batch:
        yield batch


def missing(node: Node) -> StatementOutcome:
    """The outcome of a record that is not in Salesforce, or whose order is not."""
    detail = "Salesforce has no record with this key."
    return StatementOutcome(key=node.key, accepted=False, reason=node.target.missing, detail=detail)


def _named(graph: Graph) -> Iterator[tuple[str, Node]]:
    return ((f"n{number}", node) for number, node in enumerate(graph.nodes))


def _results(answer: Mapping[str, object] | None) -> dict[str, Mapping[str, object]]:
    response = answer.get("graphResponse") if answer else None
    found = response.get("compositeResponse") if isinstance(response, Mapping) else None
    rows = found if isinstance(found, list) else []
    return {str(row.get("referenceId")): row for row in rows if isinstance(row, Mapping)}


def _status(result: Mapping[str, object]) -> int:
    status = result.get("httpStatusCode")
    return status if isinstance(status, int) else HTTPStatus.INTERNAL_SERVER_ERROR


def _is_taken(result: Mapping[str, object]) -> bool:
    return HTTPStatus.OK <= _status(result) < HTTPStatus.MULTIPLE_CHOICES


def _is_refused(result: Mapping[str, object]) -> bool:
    return not _is_taken(result) and read_complaint(result.get("body")).code != _HALTED


def _taken(node: Node, result: Mapping[str, object]) -> StatementOutcome:
    body = result.get("body")
    record_id = body.get("id") if isinstance(body, Mapping) else None
    created = _status(result) == HTTPStatus.CREATED
    return StatementOutcome(
        key=node.key, accepted=True, external_id=str(record_id) if record_id else None, created=created
    )


def _refusal(node: Node, result: Mapping[str, object]) -> StatementOutcome:
    return refused(node.key, read_complaint(result.get("body")), node.target, status=_status(result))


def _joined(verdicts: Sequence[_Verdict]) -> _Verdict:
    return _Verdict(
        tuple(graph for verdict in verdicts for graph in verdict.again),
        tuple(graph for verdict in verdicts for graph in verdict.unreached),
    )


def _is_worth_repeating(outcome: StatementOutcome, attempt: int) -> bool:
    """What another transaction held, a few times; a duplicate once: two upserts of a new key may have raced."""
    return outcome.retryable or (outcome.reason == DUPLICATE_VALUE and attempt == 0)
