"""Composite graphs: many transactions in one call, each of which happens whole or not at all."""

import re
from collections.abc import Mapping
from typing import Any

from twins.salesforce.composite import REFERENCE, halted, run_step, succeeded
from twins.salesforce.errors import ApiError, lock_refused, trigger_failed
from twins.salesforce.org import Org
from twins.salesforce.rest import Answer, Call, Handler, Router, split_target
from twins.salesforce.values import dump_json

MOST_GRAPHS = 75
MOST_NODES = 500
MOST_KINDS = 15
DEEPEST = 15
MOST_FAILURES = 14
TOO_MANY_FAILED = f"Processing was halted since more than {MOST_FAILURES} graphs of the request failed."
_GRAPH_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]{0,39}")
_NODE_ID = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
# Only rows: no queries, no collections.
_METHODS = {2: {"POST"}, 3: {"GET", "PATCH", "DELETE"}, 4: {"GET", "PATCH", "DELETE", "POST"}}
Node = dict[str, Any]
Result = dict[str, Any]


class _Failed(Exception):
    """Leaves the block of a graph one of whose nodes was refused."""


def graphs(router: Router) -> Handler:
    """The handler of `POST /composite/graph`, whose nodes go through the router like calls of their own."""

    def handle(org: Org, call: Call) -> Answer:
        asked = _graphs(call.record())
        struck = _struck(asked, call.trouble.locked)
        answers: list[dict[str, Any]] = []
        failures = 0
        for graph in asked:
            results = (
                _halt_all(graph["compositeRequest"])
                if failures > MOST_FAILURES
                else _run(router, org, call, graph["compositeRequest"], struck)
            )
            successful = all(succeeded(result) for result in results)
            failures += not successful
            response = {"compositeResponse": results}
            answers.append({"graphId": graph["graphId"], "graphResponse": response, "isSuccessful": successful})
        rows = sum(len(graph["compositeRequest"]) for graph in asked)
        return Answer(200, {"graphs": answers}, notes={"rows": rows, "graphs": len(asked), "failed_graphs": failures})

    return handle


def _run(router: Router, org: Org, call: Call, nodes: list[Node], struck: Node | None) -> list[Result]:
    """Do the work of one graph; when a node is refused everything is taken back and the rest of them were halted."""
    results: list[Result] = []
    try:
        with org.attempt():
            for node in nodes:
                results.append(_node(router, org, call, (node, results), struck))
                _go_on(results[-1])
    except _Failed:
        refused = len(results) - 1
        return [results[place] if place == refused else halted(node) for place, node in enumerate(nodes)]
    return results


def _node(router: Router, org: Org, call: Call, step: tuple[Node, list[Result]], struck: Node | None) -> dict[str, Any]:
    node, _ = step
    trouble = None
    if node is struck:
        trouble = lock_refused("the row is held by another transaction")
    elif call.trouble.poison is not None and call.trouble.poison in dump_json(node):
        trouble = trigger_failed()
    if trouble is None:
        return run_step(router, org, call, step)
    return {
        "body": trouble.body(),
        "httpHeaders": {},
        "httpStatusCode": trouble.status,
        "referenceId": node["referenceId"],
    }


def _go_on(result: Result) -> None:
    if not succeeded(result):
        raise _Failed


def _halt_all(nodes: list[Node]) -> list[Result]:
    return [halted(node, TOO_MANY_FAILED) for node in nodes]


def _struck(asked: list[dict[str, Any]], text: str | None) -> Node | None:
    """The first node that holds the text of a lock."""
    if text is None:
        return None
    nodes = (node for graph in asked for node in graph["compositeRequest"])
    return next((node for node in nodes if text in dump_json(node)), None)


def _graphs(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The graphs of a request that keeps all limits; 400 otherwise."""
    asked = body.get("graphs")
    if not isinstance(asked, list) or not 1 <= len(asked) <= MOST_GRAPHS:
        raise _refusal(f"A request must have between 1 and {MOST_GRAPHS} graphs")
    ids = [str(graph.get("graphId") or "") if isinstance(graph, dict) else "" for graph in asked]
    if len(set(ids)) < len(ids) or not all(_GRAPH_ID.fullmatch(name) for name in ids):
        raise _refusal("Every graph needs a graphId of its own")
    nodes = [node for graph in asked for node in _nodes(graph)]
    if len(nodes) > MOST_NODES:
        raise _refusal(f"A request must not have more than {MOST_NODES} nodes")
    if len({_kind(node) for node in nodes}) > MOST_KINDS:
        raise _refusal(f"A request must not have more than {MOST_KINDS} different nodes")
    return asked


def _nodes(graph: Mapping[str, Any]) -> list[Node]:
    nodes = graph.get("compositeRequest")
    if not isinstance(nodes, list) or not nodes:
        raise _refusal("Every graph needs a compositeRequest")
    depths: dict[str, int] = {}
    for node in nodes:
        if not isinstance(node, dict) or not all(node.get(name) for name in ("method", "url", "referenceId")):
            raise _refusal("Every node needs a method, a url and a referenceId")
        name = str(node["referenceId"])
        if name in depths or not _NODE_ID.fullmatch(name):
            raise _refusal(f"A referenceId must be one of its own, of letters, digits and underscores: {name}")
        used = {match.group(1).partition(".")[0] for match in REFERENCE.finditer(dump_json(node))}
        depths[name] = 1 + max((depths.get(one, 0) for one in used), default=0)
    if max(depths.values()) > DEEPEST:
        raise _refusal(f"A graph must not be deeper than {DEEPEST}")
    return nodes


def _kind(node: Node) -> tuple[str, str, str]:
    """What makes a node different from others: version, method and object; refused where it is no row."""
    version, path, _ = split_target(str(node["url"]))
    method = str(node["method"]).upper()
    if path[:1] != ("sobjects",) or method not in _METHODS.get(len([part for part in path if part]), set()):
        raise _refusal(f"{method} {node['url']} is not supported in a graph")
    return version, method, path[1].lower()


def _refusal(message: str) -> ApiError:
    return ApiError(400, "INVALID_INPUT", message)
