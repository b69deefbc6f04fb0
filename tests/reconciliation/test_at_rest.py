"""A company at rest: nothing differs, and the certificate says so."""

from __future__ import annotations

from tests.reconciliation.lived import Lived


def test_a_company_at_rest_gets_a_certificate_without_drift(lived: Lived) -> None:
    """R1 to R10 hold of what the product itself has brought about."""
    concluded = lived.reconcile()

    assert [one.model_dump() for one in lived.findings(concluded.run_id)] == []
    run = lived.the_run(concluded.run_id)
    assert run.certificate is not None
    assert run.certificate["zero_drift"] is True
    for kind in ("invoice", "credit_memo", "order", "order_line", "order_shown", "line_shown", "invoice_shown"):
        counts = run.certificate["counts"][kind]
        assert counts["ours"] == counts["agree"] > 0, kind
