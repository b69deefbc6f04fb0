"""`threeway reconcile`: compare all systems now, verify what was certified, take a month's pack."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from console.http import Api, Json
from console.output import AsJson, facts, print_json, reporting, say, sentence, table
from console.waiting import follow

DRIFT: Final = 1
SHOWN: Final = (
    "rule",
    "cause",
    "system",
    "record_key",
    "field",
    "expected",
    "found",
    "money",
    "first_seen_on",
    "healed",
)
TITLES: Final = ("Rule", "Cause", "System", "Record", "Field", "Expected", "Found", "At stake", "Since", "Healing")


def reconcile(
    *,
    verify: Annotated[
        bool, typer.Option("--verify", help="Verify the last certificate (or --run) instead of making a run.")
    ] = False,
    run: Annotated[str | None, typer.Option("--run", help="Show or verify this run, such as 2026-11-26.")] = None,
    pack: Annotated[Path | None, typer.Option("--pack", help="Write the pack of --month here: .csv or .html.")] = None,
    month: Annotated[str | None, typer.Option("--month", help="Such as 2026-11; for --pack.")] = None,
    timeout: Annotated[float, typer.Option("--timeout", help="How long to wait, in seconds.", min=1)] = 1800,
    as_json: AsJson = False,
) -> None:
    """Read all systems in full and compare them. Ends with 1 when anything is drift, or a certificate does not hold."""
    with reporting(as_json=as_json), Api.of() as api:
        if pack is not None:
            _write_pack(api, pack, month)
            return
        if verify:
            good = _verified(api, run or _last(api), as_json=as_json)
        else:
            made = run or str(_made(api, timeout)["id"])
            shown = api.get(f"/reconciliations/{made}", standing="drift", limit=200)
            good = _shown(shown, as_json=as_json)
    if not good:
        raise typer.Exit(DRIFT)


def _made(api: Api, seconds: float) -> Json:
    """Make a run, and wait for its end."""
    started = api.post("/reconciliations", {"reason": "threeway reconcile"})
    return follow(
        api,
        started["status_url"],
        done=lambda document: document.get("state") != "running",
        describe=lambda document: (f"reconciliation {document.get('id', '')}", 0, None),
        seconds=seconds,
    )


def _shown(document: Json, *, as_json: bool) -> bool:
    if as_json:
        print_json(document)
    elif document["state"] == "finished":
        standings = document["standings"]
        facts({"Run": document["id"], "Certificate": document["certificate_hash"], **standings})
        drift = document["findings"]["items"]
        if drift:
            table("Drift", TITLES, ([one.get(name) for name in SHOWN] for one in drift))
        say("Zero drift." if document["zero_drift"] else f"{standings.get('drift', 0)} differences are drift.")
    else:
        sentence(f"Reconciliation {document['id']} is {document['state']}: {document.get('error') or 'look later'}")
    return bool(document.get("zero_drift"))


def _last(api: Api) -> str:
    """The run with the last certificate."""
    found = next((one for one in api.items("/reconciliations", 100) if one["state"] == "finished"), None)
    return str(found["id"]) if found else "none"


def _verified(api: Api, run_id: str, *, as_json: bool) -> bool:
    answer = api.get(f"/reconciliations/{run_id}/verification")
    if as_json:
        print_json(answer)
    else:
        for problem in answer["problems"]:
            sentence(problem)
        kept = "" if answer["inputs_kept"] else " Its inputs are no longer kept: only the chain was checked."
        words = "holds" if answer["verified"] else "does not hold"
        say(f"The certificate of {run_id} {words}; {answer['chain']} in the chain.{kept}")
    return bool(answer["verified"])


def _write_pack(api: Api, path: Path, month: str | None) -> None:
    wanted = month or str(next(iter(api.items("/reconciliations", 1)))["id"])[:7]
    kind = "html" if path.suffix.lower() in {".html", ".htm"} else "csv"
    path.write_bytes(api.download(f"/reconciliations/packs/{wanted}", kind=kind))
    say(f"{path}: the pack of {wanted}.")
