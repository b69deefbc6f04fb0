"""Record one history for each workflow type and branch, for tests/workflows/test_replay.py to replay.

`python -m bench.record_histories [NAME ...]` runs the product's workflows with stand-in activities and writes
`<workflow type>.<branch>.json`. Record a branch anew only together with `workflow.patched()`, or once no open workflow
can have the old history any more; replaying the committed ones is what tells that a change is safe.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from temporalio.runtime import Runtime

from bench.book_scenarios import BOOKS
from bench.history_scenarios import REAL, SKIPPING
from bench.master_scenarios import MASTERS
from bench.order_scenarios import ORDERS
from bench.reconciliation_scenarios import RECONCILIATIONS, SLOW
from tests.workflows.stage import QUIET, Stage, namespace, real_server, skipping_server, staged
from tests.workflows.steps import Steps

FOLDER: Final = Path(__file__).resolve().parents[1] / "tests" / "workflows" / "histories"
DROPPED: Final = {"stackTrace", "binaryChecksum", "workerVersion", "sdkMetadata", "meteringMetadata"}
RENAMED: Final = {"identity": "worker", "namespace": "default", "parentWorkflowNamespace": "default"}

Scenario = Callable[[Stage], Awaitable[tuple[str, str | None]]]


def scrubbed(value: Any) -> Any:
    """A history without what tells of the machine that it was recorded on."""
    if isinstance(value, list):
        return [scrubbed(one) for one in value]
    if not isinstance(value, dict):
        return value
    if value.get("kind") == "TASK_QUEUE_KIND_STICKY":
        return {**value, "name": "sticky"}
    kept = {key: scrubbed(one) for key, one in value.items() if key not in DROPPED and "amespaceId" not in key}
    return {key: RENAMED.get(key, one) if isinstance(one, str) else one for key, one in kept.items()}


async def record(name: str, scenario: Scenario, stage: Stage) -> None:
    """Play a scenario and write the history that it names, an event a line."""
    workflow_id, run_id = await scenario(stage)
    handle = stage.client.get_workflow_handle(workflow_id, run_id=run_id)
    events = [json.dumps(scrubbed(event)) for event in (await handle.fetch_history()).to_json_dict()["events"]]
    text = '{"events": [\n' + ",\n".join(events) + "\n]}\n"
    (FOLDER / f"{name}.json").write_text(text, encoding="utf-8")
    print(f"{name}: {len(events)} events, {len(text) // 1024} KB")


async def main(names: list[str]) -> None:
    """Record the named histories, all of them when none is named."""
    FOLDER.mkdir(exist_ok=True)
    runtime = Runtime(telemetry=QUIET)
    real, skipping = REAL | ORDERS | BOOKS | MASTERS | RECONCILIATIONS, SKIPPING | SLOW
    wanted = set(names) or {*real, *skipping}
    async with real_server(runtime) as env:
        for name in sorted(wanted & set(real)):
            async with staged(env, await namespace(env), Steps()) as stage:
                await record(name, real[name], stage)
    for name in sorted(wanted & set(skipping)):
        async with skipping_server(runtime) as env, staged(env, env.client, Steps()) as stage:
            await record(name, skipping[name], stage)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
    sys.stdout.flush()
    os._exit(0)  # the SDK's threads can abort an interpreter that ends in order, with all work done
