"""Zero-drift certificates: what a run states of itself, in canonical JSON, chained by hashes (feature G-H4)."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from domain.money import plain
from domain.reconciliation import Standing, Verdict

FORMAT = 1
FIRST = "0" * 64  # what the first certificate has before it
RESIDUALS_SHOWN = 500  # in the certificate itself; all of them are in the findings, and in the hash


def canonical(document: Mapping[str, Any]) -> bytes:
    """One spelling of a document: sorted keys, no blanks, numbers and times as text."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_word).encode()


def hash_of(document: Mapping[str, Any]) -> str:
    """The SHA-256 of the canonical spelling."""
    return hashlib.sha256(canonical(document)).hexdigest()


def certificate(head: Mapping[str, Any], verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """The certificate of a run: `head` says which run, by which rules, from which inputs; the rest what came of it."""
    lines = [residual(one) for one in verdicts]
    standing = Counter(str(one.standing) for one in verdicts)
    document = {
        "format": FORMAT,
        **head,
        "zero_drift": not standing[Standing.DRIFT],
        "standings": dict(standing),
        "causes": dict(Counter(f"{one.standing} {one.difference.cause}" for one in verdicts)),
        "money_at_stake": plain(_money(verdicts, Standing.DRIFT)),
        "residuals": lines[:RESIDUALS_SHOWN],
        "residuals_sha256": hash_of({"residuals": lines}),
    }
    return dict(json.loads(canonical(document)))


def residual(one: Verdict) -> dict[str, Any]:
    """One difference, explained in a line."""
    made = one.difference
    return {
        "rule": made.rule,
        "cause": made.cause,
        "system": made.system,
        "record": f"{made.record_type} {made.record_key}",
        "field": made.field,
        "expected": made.expected,
        "found": made.found,
        "money": None if made.money is None else plain(made.money),
        "standing": one.standing,
        "why": one.why,
        "exception": one.exception_id,
    }


def _money(verdicts: Iterable[Verdict], standing: Standing) -> Decimal:
    found = (one.difference.money for one in verdicts if one.standing is standing and one.difference.money)
    return sum(found, Decimal(0))


def _word(value: object) -> str:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"a certificate holds no {type(value).__name__}")
