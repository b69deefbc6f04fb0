"""Bulk API 2.0, ingest: create a job, upload one CSV, say that it is complete, ask for its state, fetch the results."""

import time
from decimal import Decimal

from twins.salesforce import bulk_jobs
from twins.salesforce.bulk_jobs import ABORTED, ENDED, IN_PROGRESS, OPEN, UPLOADED, Job
from twins.salesforce.bulk_loader import Loader
from twins.salesforce.bulk_rows import DELIMITERS, LINE_ENDINGS, InvalidBatch, header_line, lines, parse
from twins.salesforce.errors import ApiError, not_found
from twins.salesforce.org import Org
from twins.salesforce.rest import Answer, Call, Handler
from twins.salesforce.values import stamp

OPERATIONS = frozenset({"insert", "update", "upsert", "delete"})
LARGEST_UPLOAD = 150_000_000
_EXTRA = {"successfulresults": ("sf__Id", "sf__Created"), "failedresults": ("sf__Id", "sf__Error")}


def create(org: Org, call: Call) -> Answer:
    """Open a job; the name of its object and of its external id are checked at once."""
    asked = call.record()
    operation = asked.get("operation")
    sobject = org.schema.find(str(asked.get("object")))
    if sobject is None:
        raise ApiError(400, "INVALIDJOB", f"InvalidJob : Unable to find object: {asked.get('object')}")
    if operation not in OPERATIONS:
        raise ApiError(400, "INVALIDJOB", f"InvalidJob : Unsupported operation: {operation}")
    job = _new_job(org, call, sobject.name, {"operation": operation})
    job |= _format(asked)
    if operation == "upsert":
        name = asked.get("externalIdFieldName")
        if not name:
            message = (
                f"InvalidJob : External ID was blank for {sobject.name}. An External ID must be specified for upsert."
            )
            raise ApiError(400, "INVALIDJOB", message)
        job["externalIdFieldName"] = org.records.external_field(sobject, str(name)).name
    job = bulk_jobs.add(org.database, job)
    return Answer(200, _shown(job, call, in_full=False))


def _new_job(org: Org, call: Call, sobject: str, values: Job) -> Job:
    moment = stamp(org.now())
    return {
        "object": sobject,
        **values,
        "createdById": call.user,
        "createdDate": moment,
        "systemModstamp": moment,
        "state": OPEN,
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "numberRecordsProcessed": 0,
        "numberRecordsFailed": 0,
        "errorMessage": None,
        "hidden": {"trouble": [None, None], "due_at": 0.0, "seconds": 0.0},
    }


def _format(asked: Job) -> Job:
    delimiter, ending = asked.get("columnDelimiter", "COMMA"), asked.get("lineEnding", "LF")
    if delimiter not in DELIMITERS or ending not in LINE_ENDINGS or asked.get("contentType", "CSV") != "CSV":
        raise ApiError(400, "INVALIDJOB", "InvalidJob : contentType, columnDelimiter or lineEnding is not supported")
    return {"columnDelimiter": delimiter, "lineEnding": ending}


def upload(org: Org, call: Call) -> Answer:
    """Take the CSV of an open job, once."""
    job = _find(org, call)
    if not call.headers.get("content-type", "").lower().startswith("text/csv"):
        raise ApiError(415, "UNSUPPORTED_MEDIA_TYPE", "The content type of job data must be text/csv")
    if job["state"] != OPEN:
        raise _wrong_state(job)
    if bulk_jobs.content_of(org.database, job["id"]) is not None:
        message = (
            f"Found multiple contents for job: <{job['id']}>, please 'Close' / 'Abort' / 'Delete' the current Job then "
            "create a new Job and make sure you only do 'PUT' once on a given Job."
        )
        raise ApiError(400, "INVALIDBATCH", message)
    if len(call.content) > LARGEST_UPLOAD:
        raise ApiError(413, "REQUEST_ENTITY_TOO_LARGE", "The job data is larger than 150 MB")
    try:
        content = bytes(call.content).decode("utf-8")
    except UnicodeDecodeError as problem:
        raise ApiError(400, "INVALIDBATCH", "The job data is not UTF-8") from problem
    bulk_jobs.put_content(org.database, job["id"], content)
    job["hidden"]["trouble"] = list(call.trouble)
    bulk_jobs.save(org.database, job)
    return Answer(201)


def changing(loader: Loader) -> Handler:
    """The handler that closes the upload of a job or aborts the job."""

    def change(org: Org, call: Call) -> Answer:
        job, wanted = _find(org, call), call.record().get("state")
        allowed = {UPLOADED: {OPEN}, ABORTED: {OPEN, UPLOADED, IN_PROGRESS}}
        if wanted not in allowed:
            raise ApiError(400, "INVALIDJOB", f"InvalidJob : a job cannot be set to {wanted}")
        if job["state"] not in allowed[wanted]:
            raise _wrong_state(job)
        job |= {"state": wanted, "systemModstamp": stamp(org.now())}
        job["hidden"]["due_at"] = time.time() + int(org.settings()["bulk_delay_ms"]) / 1000
        bulk_jobs.save(org.database, job)
        if wanted == UPLOADED:
            loader.wake()
        return Answer(200, _shown(job, call, in_full=False))

    return change


def reading(loader: Loader) -> Handler:
    """The handler that tells the state of a job; it also sets going what a restart had interrupted."""

    def read(org: Org, call: Call) -> Answer:
        job = _find(org, call)
        if job["state"] in {UPLOADED, IN_PROGRESS}:
            loader.wake()
        return Answer(200, _shown(job, call, in_full=True))

    return read


def listing(org: Org, call: Call) -> Answer:
    """All jobs, the newest first."""
    jobs = [_shown(job, call, in_full=False) for job in reversed(bulk_jobs.every(org.database))]
    return Answer(200, {"done": True, "records": jobs, "nextRecordsUrl": None})


def remove(org: Org, call: Call) -> Answer:
    """Delete a job that has ended or was never begun."""
    job = _find(org, call)
    if job["state"] == IN_PROGRESS:
        raise _wrong_state(job)
    bulk_jobs.remove(org.database, job["id"])
    return Answer(204)


def results(org: Org, call: Call) -> Answer:
    """One of the three results of a job that has ended, as CSV; its `charset` is not told."""
    job, kind = _find(org, call), call.path[3].lower()
    if kind not in {*_EXTRA, "unprocessedrecords"}:
        raise not_found()
    if job["state"] not in ENDED:
        raise _wrong_state(job)
    try:
        header, rows = parse(job, bulk_jobs.content_of(org.database, job["id"]) or "")
    except InvalidBatch:
        header, rows = (), []
    if kind in _EXTRA:
        found = bulk_jobs.results_of(org.database, job["id"], succeeded=kind == "successfulresults")
        text = header_line(job, header, _EXTRA[kind]) + found
    else:
        text = header_line(job, header, ()) + lines(job, rows[job["numberRecordsProcessed"] :])
    return Answer(200, text, {"Content-Type": "text/csv"})


def _find(org: Org, call: Call) -> Job:
    job = bulk_jobs.find(org.database, call.path[2])
    if job is None:
        raise not_found()
    return job


def _wrong_state(job: Job) -> ApiError:
    message = f"InvalidJobState : the job {job['id']} is in state {job['state']}, which does not allow this"
    return ApiError(400, "INVALIDJOBSTATE", message)


def _shown(job: Job, call: Call, *, in_full: bool) -> Job:
    """A job as the API shows it; the counts stand only in the answer to the question for its state."""
    counts = ("numberRecordsProcessed", "numberRecordsFailed", "errorMessage")
    shown = {name: value for name, value in job.items() if name != "hidden" and name not in counts}
    shown |= {"apiVersion": Decimal(call.version), "jobType": "V2Ingest"}
    if job["state"] == OPEN:
        shown["contentUrl"] = f"{call.base.lstrip('/')}/jobs/ingest/{job['id']}/batches"
    if in_full:
        milliseconds = int(job["hidden"]["seconds"] * 1000)
        shown |= {name: job[name] for name in counts if job[name] is not None}
        shown |= {"retries": 0, "totalProcessingTime": milliseconds, "apiActiveProcessingTime": milliseconds}
        shown["apexProcessingTime"] = 0
    return shown
