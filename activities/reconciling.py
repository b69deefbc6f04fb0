"""Weighing what a run has staged: the same for its conclusion and for whoever verifies it later from the inputs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from sqlmodel import Session

import domain.reconciliation
from domain.certificates import FIRST, certificate, hash_of
from domain.money import plain
from domain.reconciliation import OTHER_SIDE, Difference, Kind, Side, Standing, Verdict
from domain.reconciliation_judgement import Bench, differences, judge
from store.reconciliation import inputs, runs
from store.reconciliation.runs import Run

# Orders first: one that is gone speaks for its lines.
ORDER = (Kind.ORDER, *(kind for kind in OTHER_SIDE if kind is not Kind.ORDER))
DOCUMENTS = (Kind.INVOICE, Kind.CREDIT_MEMO)
SUMS_SHOWN = 200


def code_version() -> str:
    """The version of the product, and a digest of the rules that decide here: a changed rule is another code."""
    folder = Path(domain.reconciliation.__file__).parent
    state = hashlib.sha256()
    for path in sorted([*folder.glob("reconciliation*.py"), folder / "certificates.py"]):
        state.update(path.read_bytes())
    return f"{version('threeway')}+{state.hexdigest()[:16]}"


def found(session: Session, run_id: str, keys: dict[Kind, list[str]] | None = None) -> Iterator[Difference]:
    """Every difference of what is staged; `keys` narrows to the records that differed on the first read."""

    def pairs() -> Iterator[Any]:
        for kind in ORDER:
            wanted = None if keys is None else keys.get(kind, [])
            if wanted is None or wanted:
                yield from inputs.pairs(session, run_id, kind, wanted)

    yield from differences(pairs(), {kind: inputs.known(session, run_id, kind) for kind in DOCUMENTS})


def suspects_of(session: Session, run_id: str) -> dict[Kind, list[str]]:
    """The records that differed on the first read, by kind."""
    return {kind: keys for some in inputs.suspects(session, run_id).values() for kind, keys in some.items()}


def weigh(session: Session, run: Run) -> list[Verdict]:
    """What every difference that is left means."""
    watermarks = {side: datetime.fromisoformat(run.as_of[side]) for side in Side if side in run.as_of}
    work = inputs.work(session, run.id)
    bench = Bench.of(run.rules, watermarks, work, inputs.fingerprints(session, run.id))
    return [judge(one, bench) for one in found(session, run.id, suspects_of(session, run.id))]


class Weighed(NamedTuple):
    """A run as its inputs tell it: the verdicts, and the certificate with its hash."""

    verdicts: list[Verdict]
    certificate: dict[str, Any]
    digest: str


def conclude(session: Session, run: Run, sequence: int, before: str) -> Weighed:
    """Weigh a run and state it in a certificate that names the hash of the one before."""
    verdicts = weigh(session, run)
    head = {
        "run": run.id,
        "sequence": sequence,
        "previous_sha256": before,
        "policy": run.policy,
        "code_version": run.code_version,
        "as_of": run.as_of,
        "counts": {kind: one._asdict() for kind, one in inputs.counts(session, run.id).items() if any(one)},
        "rows_checked": run.totals.get("rows_checked", {}),
        "sums": {kind: _sums(session, run.id, kind) for kind in DOCUMENTS},
        "passed": len(inputs.fingerprints(session, run.id)) - len(verdicts),
        "inputs_sha256": inputs.digest(session, run.id),
    }
    made = certificate(head, verdicts)
    return Weighed(verdicts, made, hash_of(made))


def _sums(session: Session, run_id: str, kind: Kind) -> dict[str, Any]:
    """What both sides come to by customer and day, in cents: where they part, both numbers are shown (R4)."""
    by_place: dict[tuple[str, str], dict[str, str]] = {}
    totals: dict[str, list[str]] = {Side.GATEWAY.value: [], Side.QUICKBOOKS.value: []}
    for one in inputs.sums(session, run_id, kind):
        by_place.setdefault((one.customer, one.day), {})[one.side] = one.total
        totals[one.side].append(one.total)
    parted = [
        {"customer_id": customer, "day": day, **sides}
        for (customer, day), sides in sorted(by_place.items())
        if len(set(sides.values())) > 1 or len(sides) == 1
    ]
    return {
        "customer_days": len(by_place),
        "differing": len(parted),
        "shown": parted[:SUMS_SHOWN],
        **{side: _added(some) for side, some in totals.items()},
    }


def _added(amounts: Sequence[str]) -> str:
    return plain(sum((Decimal(one) for one in amounts), Decimal(0)))


def standing_counts(verdicts: Sequence[Verdict]) -> dict[Standing, int]:
    """How many there are of each standing."""
    return {one: sum(verdict.standing is one for verdict in verdicts) for one in Standing}


class Verification(NamedTuple):
    """Whether a certificate still follows from its inputs, and the chain from its beginning holds."""

    problems: list[str]
    inputs_kept: bool
    chain: int


def verify(session: Session, run: Run) -> Verification:
    """Weigh a finished run again from its stored inputs, and follow the chain back to the first certificate."""
    problems: list[str] = []
    if run.certificate is None or run.sequence is None:
        return Verification([f"Reconciliation {run.id} is {run.state}: it has no certificate."], run.inputs_kept, 0)
    if hash_of(run.certificate) != run.certificate_hash:
        problems.append("The certificate is not the one that its hash was made of.")
    if run.inputs_kept:
        again = conclude(session, run, run.sequence, run.certificate["previous_sha256"])
        if again.certificate["inputs_sha256"] != run.inputs_hash:
            problems.append("The stored inputs are not those that the run was decided from.")
        if again.digest != run.certificate_hash:
            if run.code_version != code_version():
                problems.append(f"The rules have changed since: it was decided by {run.code_version}.")
            problems.append("Decided again from its inputs, the run comes to another certificate.")
    broken, length = _chain(session, run)
    return Verification([*problems, *broken], run.inputs_kept, length)


def _chain(session: Session, run: Run) -> tuple[list[str], int]:
    """Follow the certificates back; each names the hash of the one before."""
    now, length = run, 1
    while now.sequence and now.sequence > 1 and now.certificate:
        before = runs.by_sequence(session, now.sequence - 1)
        if before is None or before.certificate is None:
            return [f"Certificate {now.sequence - 1} is missing from the chain."], length
        if hash_of(before.certificate) != now.certificate["previous_sha256"]:
            return [f"Certificate {before.sequence} ({before.id}) is not the one that {now.id} names."], length
        now, length = before, length + 1
    first = now.certificate and now.certificate["previous_sha256"] == FIRST
    return ([] if first else ["The first certificate of the chain names another one before it."]), length
