"""Certificates follow from their inputs, and hang together: what is tampered with afterwards is found."""

from __future__ import annotations

from activities import reconciling
from domain.certificates import FIRST
from store.reconciliation import runs
from store.session import reading
from tests.reconciliation.lived import Lived


def _problems(lived: Lived, run_id: str) -> list[str]:
    with reading(lived.engine) as session:
        return reconciling.verify(session, runs.need(session, run_id)).problems


def test_certificates_are_a_chain_that_can_be_verified_from_the_inputs(lived: Lived) -> None:
    """G-H4: each names the hash of the one before, and comes out the same again."""
    first, second = lived.reconcile().run_id, lived.reconcile().run_id

    one, two = lived.the_run(first), lived.the_run(second)
    assert one.certificate is not None
    assert two.certificate is not None
    assert one.certificate["previous_sha256"] == FIRST
    assert two.certificate["previous_sha256"] == one.certificate_hash
    assert two.id == f"{one.id}-2"
    assert {"gateway", "quickbooks", "salesforce", "erp", "erp_sequences"} <= set(two.as_of)
    assert _problems(lived, first) == []
    assert _problems(lived, second) == []


def test_a_certificate_that_was_rewritten_is_found_and_so_is_what_hangs_on_it(lived: Lived) -> None:
    first, second = lived.column("SELECT id FROM reconciliations ORDER BY sequence")[:2]
    lived.by_hand(
        f"UPDATE reconciliations SET certificate = certificate || '{{\"zero_drift\": false}}' WHERE id = '{first}'"
    )

    assert "The certificate is not the one that its hash was made of." in _problems(lived, first)
    assert any("is not the one that" in one for one in _problems(lived, second))
    lived.by_hand(
        f"UPDATE reconciliations SET certificate = certificate || '{{\"zero_drift\": true}}' WHERE id = '{first}'"
    )
    assert _problems(lived, second) == []


def test_inputs_that_were_rewritten_are_found(lived: Lived) -> None:
    run_id = lived.column("SELECT id FROM reconciliations ORDER BY sequence DESC")[0]
    lived.by_hand(
        'UPDATE reconciliation_inputs SET body = body || \'{"total": "1"}\' WHERE ctid = ('
        f"SELECT ctid FROM reconciliation_inputs WHERE run_id = '{run_id}' AND kind = 'invoice' LIMIT 1)"
    )

    assert "The stored inputs are not those that the run was decided from." in _problems(lived, run_id)


def test_old_inputs_are_dropped_and_the_chain_stays(lived: Lived) -> None:
    lived.use(lived.company.model_copy(update={"reconciliation": _keeping(lived, 1)}))

    last = lived.reconcile().run_id

    kept = lived.column("SELECT id FROM reconciliations WHERE inputs_kept")
    assert kept == [last]
    assert lived.column("SELECT DISTINCT run_id FROM reconciliation_inputs") == [last]
    with reading(lived.engine) as session:
        assert reconciling.verify(session, runs.need(session, last)).chain == 3


def _keeping(lived: Lived, number: int) -> object:
    return lived.company.reconciliation.model_copy(update={"keep_inputs_runs": number})
