"""`publication/<what>`: Salesforce is told what became of shipments; it never holds up an invoice."""

from __future__ import annotations

from temporalio import workflow
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

    @workflow.run
    async def run(self, work: PublishWork) -> Published:
        """Say it once; what was said and has changed meanwhile is said again by the activity itself."""
        published: Published = await workflow.execute_activity_method(
            PublicationActivities.publish, work, **policies.PUBLISH.options()
        )
        self._step = "done"
        return published

    @workflow.query
    def status(self) -> str:
        """Where the publication is."""
        return self._step


async def publish_later(shipments: list[str]) -> None:
    """Start a publication that outlives its starter: an outage of Salesforce delays what reps see, not the books."""
    if not shipments:
        return
    info = workflow.info()
    number = workflow.uuid4().hex[
        :8
    ]  # several publications of one starter may be under way; each says what is true then
    await workflow.start_child_workflow(
        Publication.run,
        PublishWork(shipments=shipments),
        id=f"publication/{info.workflow_id}/{number}",
        parent_close_policy=ParentClosePolicy.ABANDON,
    )
