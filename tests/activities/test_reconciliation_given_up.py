"""A reconciliation that was given up stays so: whatever of it still runs writes no certificate about half of it."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import Engine
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.reconciliation import ReconciliationActivities
from domain.reconcile_work import ReconcilePart
from domain.reconciliation_policy import ReconciliationPolicy
from store.reconciliation import runs
from store.session import reading, transaction
from tests.activities.world import CAUSE
from tests.looks import rules

NOW = datetime(2026, 11, 26, 2, 30, tzinfo=UTC)


def test_a_run_that_was_given_up_is_not_concluded_by_what_still_runs(engine: Engine) -> None:
    """X3: Temporal answered too late, the run was called off, and its flow works on all the same."""
    with transaction(engine, CAUSE) as session:
        run, _ = runs.begin(session, date(2026, 11, 26), ReconciliationPolicy(), "code", ("test", "test"), NOW)
        runs.fail(session, run.id, "Temporal did not answer.", NOW)
    steps = ReconciliationActivities(engine, rules())
    with pytest.raises(ApplicationError) as refused:
        ActivityEnvironment().run(steps.reconcile_conclude, ReconcilePart(run_id=run.id))
    assert refused.value.non_retryable
    with reading(engine) as session:
        kept = runs.need(session, run.id)
        assert (kept.state, kept.error) == ("failed", "Temporal did not answer.")
        assert runs.chain_end(session)[0] == 0
