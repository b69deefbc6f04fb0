"""Recorded histories of every workflow and branch still fit the code: what is open survives the next version.

Record them with `python -m bench.record_histories`.
"""

from __future__ import annotations

import base64
import importlib
import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from pydantic import ValidationError
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.workflow import NondeterminismError

import workflows
from runtime.workers import SANDBOX
from workflows.registry import WORKFLOWS

FOLDER = Path(__file__).parent / "histories"
HISTORIES = sorted(FOLDER.glob("*.json"))
TYPES = {str(workflow._Definition.must_from_class(one).name) for one in WORKFLOWS}
# What a history must never hold: paths of a machine, addresses, host names of workers, keys.
PRIVATE = re.compile(
    r"/(?:home|root|tmp|Users|work)/|site-packages|https?://|\d+@[\w.-]+|[Ss]ecret|[Pp]assword|[Tt]oken"
)
# One change each that a running workflow of the branch cannot survive, and the history that tells.
BREAKING = {
    "ErpFile.shipments": ("erp_file", "if reading.refused or await self._refused_for_its_sequence()", "if False"),
    "ErpFile.continued-last-run": ("erp_file", "if work.next_seq > 1 else", "if work.next_seq > 10_000 else"),
    "ShipmentRange.troubled": ("shipments", "if troubled:", "if len(troubled) > 2:"),
    "ShipmentInvoicing.held-then-resolved": ("shipment", "await publish_later([self._number])", "pass"),
    "ShipmentInvoicing.waiting": ("shipment", 'upsert_search_attributes([WORK_STATE.value_set("waiting")])', "now()"),
    "ShipmentInvoicing.uncertain-then-booked": ("shipment", "timeout=ask_again", "timeout=None"),
    "Publication.published": ("publication", "published: Published =", "await workflow.sleep(1); published ="),
    "Publication.asked-again": ("publication", "if asked == self._asked:", "if True:"),
    "ShipmentInvoicing.publication-under-way": ("shipment", "await publish_later([self._number])", "pass"),
    "OrdersPull.changed": ("orders", "if pulled.changed_count:", "if False:"),
    "SalesforceEvent.asked-again": ("salesforce_event", "if asked == self._asked:", "if True:"),
    "SalesforceEvent.continued": ("salesforce_event", "if asked == self._asked:", "if True:"),
    "QuickBooksEvent.asked-again": ("quickbooks_event", "if asked == self._asked:", "if True:"),
    "QuickBooksEvent.changed": ("quickbooks_event", "if pulled.shipments or pulled.balances:", "if False:"),
    "LinksMatch.confirmed": ("linking", "System.SALESFORCE: (LinkKind.CUSTOMER, LinkKind.ITEM),", ""),
    "ErpFile.returns": ("erp_file", "if reading.entity is Entity.RETURNS:", "if False:"),
    "ErpFile.stock": ("erp_file", "if stated.reread:", "if False:"),
    "StockPromises.looking": ("stock", "if decided.orders:", "if False:"),
    "StockPromises.continued": ("stock", "await workflow.sleep(SETTLE)", "pass"),
    "OrderLifecycle.lived": ("order", "if self._settled.send:", "if False:"),
    "OrderLifecycle.waiting": ("order", "if self._settled.tell:", "if False:"),
    "MasterMerge.written": ("mastering", "if any(one.stale for one in written):", "if False:"),
    "MasterMerge.asked": ("mastering", "if decided.again:", "if False:"),
    "MastersPull.pulled": ("masters", "more = woken.more", "more = False"),
    "Reconciliation.agreed": ("reconciliation", "if suspects.records:", "if True:"),
    "Reconciliation.healed": ("reconciliation", "await workflow.sleep(opened.second_read_seconds)", "pass"),
    "ReconciliationNight.opened": (
        "reconciliation",
        "return opened.run_id",
        "await workflow.sleep(1); return opened.run_id",
    ),
    "Sweep.swept": ("sweep", "swept: Swept =", "await workflow.sleep(1); swept ="),
}


def replayer(workflows: Sequence[type] = WORKFLOWS, sandbox: SandboxRestrictions = SANDBOX) -> Replayer:
    """The replayer with the sandbox and the converter of the product."""
    return Replayer(
        workflows=workflows,
        data_converter=pydantic_data_converter,
        workflow_runner=SandboxedWorkflowRunner(restrictions=sandbox),
        workflow_failure_exception_types=[ValidationError],
    )


def history(path: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json("recorded", path.read_text(encoding="utf-8"))


def workflow_type(path: Path) -> str:
    first = json.loads(path.read_text(encoding="utf-8"))["events"][0]
    return str(first["workflowExecutionStartedEventAttributes"]["workflowType"]["name"])


def test_every_workflow_has_a_history() -> None:
    assert {workflow_type(path) for path in HISTORIES} == TYPES


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_a_recorded_history_fits_the_code(path: Path) -> None:
    assert workflow_type(path) == path.stem.split(".")[0]

    await replayer().replay_workflow(history(path))


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
def test_a_history_tells_nothing_of_the_machine(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    payloads = [base64.b64decode(one).decode() for one in re.findall(r'"data": "([^"]*)"', text)]

    assert [found for one in (text, *payloads) if (found := PRIVATE.search(one))] == []


@pytest.mark.parametrize("name", BREAKING)
async def test_a_change_that_would_break_what_is_open_is_caught(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the replay above can fail; a change that issues the same commands passes."""
    module, old, new = BREAKING[name]
    source = (Path(workflows.__file__).parent / f"{module}.py").read_text(encoding="utf-8")
    assert source.count(old) == 1, "the code that this breaks was written anew: name the new one in BREAKING"
    monkeypatch.syspath_prepend(tmp_path)
    recorded, sandbox = history(FOLDER / f"{name}.json"), SANDBOX.with_passthrough_modules("workflows")
    wanted = workflow_type(FOLDER / f"{name}.json")

    same = _changed(tmp_path, f"same_{module}", source + "\nA_NAME = 'and nothing else'\n", wanted)
    await replayer([same], sandbox).replay_workflow(recorded)

    other = _changed(tmp_path, f"other_{module}", source.replace(old, new), wanted)
    with pytest.raises(NondeterminismError):
        await replayer([other], sandbox).replay_workflow(recorded)


def _changed(folder: Path, module: str, source: str, wanted: str) -> type:
    """The workflow of that name out of a module with this text."""
    name = f"{module}_{folder.name}".replace("-", "_")
    (folder / f"{name}.py").write_text(source, encoding="utf-8")
    found = vars(importlib.import_module(name)).values()
    definitions = [one for one in found if isinstance(one, type) and one.__module__ == name]
    return next(
        one for one in definitions if (definition := workflow._Definition.from_class(one)) and definition.name == wanted
    )


async def test_every_recorded_branch_is_still_played() -> None:
    """A file of a branch that the recorder no longer knows would never be brought up to date."""
    scenarios = importlib.import_module("bench.history_scenarios")
    orders = importlib.import_module("bench.order_scenarios")
    masters = importlib.import_module("bench.master_scenarios")
    books = importlib.import_module("bench.book_scenarios")
    runs = importlib.import_module("bench.reconciliation_scenarios")

    played = {*scenarios.REAL, *scenarios.SKIPPING, *orders.ORDERS, *books.BOOKS, *masters.MASTERS}
    played |= {*runs.RECONCILIATIONS, *runs.SLOW}
    assert {path.stem for path in HISTORIES} == played
