"""`publication/<starter>`: Salesforce is told what became of shipments; it never holds up an invoice."""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.workflow import ParentClosePolicy

from domain.work import Published, PublishWork
from workflows import policies

with workflow.unsafe.imports_passed_through():
    from activities.publication import PublicationActivities


@workflow.defn(name="Publication")
class Publication:
    """Publish the present state of some shipments, for as long as Salesforce takes."""

    def __init__(self) -> None:
        self._step = "publishing"
        self._asked = 0

    @workflow.run
    async def run(self, work: PublishWork) -> Published:
        """Say what is true now, and once more when it was asked for meanwhile."""
        while True:
            asked = self._asked
            published: Published = await workflow.execute_activity_method(
                PublicationActivities.publish, work, **policies.PUBLISH.options()
            )
            if asked == self._asked:
                self._step = "done"
                return published
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(work)

    @workflow.query
    def status(self) -> str:
        """Where the publication is."""
        return self._step

    @workflow.signal
    def again(self) -> None:
        """Something changed since this was started."""
        self._asked += 1


async def publish_later(shipments: list[str], orders: list[str] | None = None) -> None:
    """Start a publication that outlives its starter: an outage of Salesforce delays what reps see, not the books.

    A starter has one publication at a time: while Salesforce is away, what changes again is said by the one that waits.
    """
    if not shipments and not orders:
        return
    publication_id = f"publication/{workflow.info().workflow_id}"
    while True:
        try:
            await start_publication(PublishWork(shipments=shipments, orders=orders or []), publication_id)
        except WorkflowAlreadyStartedError:
            if await _asked_again(publication_id):
                return
        else:
            return


async def start_publication(work: PublishWork, publication_id: str) -> None:
    """Start a publication that outlives its starter."""
    await workflow.start_child_workflow(
        Publication.run, work, id=publication_id, parent_close_policy=ParentClosePolicy.ABANDON
    )


async def _asked_again(publication_id: str) -> bool:
    """Ask a publication under way to look once more; False when it has just ended."""
    try:
        await workflow.get_external_workflow_handle(publication_id).signal(Publication.again)
    except ApplicationError:  # it is not found any more
        return False
    return True
