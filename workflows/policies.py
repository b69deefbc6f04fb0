"""Every timeout and retry policy, by intent. What is tried again at all, activities/boundary.py decides by meaning."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.common import RetryPolicy

from runtime.names import ERP_QUEUE, QUICKBOOKS_QUEUE, SALESFORCE_QUEUE, WORKFLOW_QUEUE


@dataclass(frozen=True)
class Call:
    """How an activity is called: where, how long an attempt may take, and how long it is tried again."""

    queue: str
    start_to_close: timedelta
    schedule_to_close: timedelta | None
    heartbeat: timedelta | None
    retry: RetryPolicy

    def options(self) -> dict[str, Any]:
        """The keyword arguments of `workflow.execute_activity`."""
        return {
            "task_queue": self.queue,
            "start_to_close_timeout": self.start_to_close,
            "schedule_to_close_timeout": self.schedule_to_close,
            "heartbeat_timeout": self.heartbeat,
            "retry_policy": self.retry,
        }

    def local_options(self) -> dict[str, Any]:
        """The keyword arguments of `workflow.execute_local_activity`: no queue and no heartbeat.

        A longer pause between attempts becomes a timer, so that a workflow that waits for the database keeps no slot.
        """
        return {
            "start_to_close_timeout": self.start_to_close,
            "schedule_to_close_timeout": self.schedule_to_close,
            "retry_policy": self.retry,
            "local_retry_threshold": timedelta(seconds=2),
        }


_STEADY = RetryPolicy(
    initial_interval=timedelta(milliseconds=200), backoff_coefficient=2, maximum_interval=timedelta(seconds=20)
)
_PATIENT = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2, maximum_interval=timedelta(minutes=2)
)

# A step that needs PostgreSQL alone. It waits for the database as long as that takes.
STORE_STEP = Call(WORKFLOW_QUEUE, timedelta(seconds=30), None, None, _STEADY)

# The same over many rows, in blocks, with heartbeats.
STORE_BULK = Call(WORKFLOW_QUEUE, timedelta(minutes=15), None, timedelta(seconds=20), _STEADY)

# Reading and staging a file of any size.
READ_FILE = Call(ERP_QUEUE, timedelta(minutes=30), None, timedelta(seconds=20), _STEADY)

# Writing order files for the ERP: where the folder is full or away, it is tried until that is over.
WRITE_ORDERS = Call(ERP_QUEUE, timedelta(minutes=10), None, timedelta(seconds=20), _STEADY)

# Booking invoices: an attempt has room for the probes and one call; heartbeats tell of a dead worker within 10 s. After
# some minutes without an answer the shipment waits in the open, as an exception that goes on trying.
BOOK = Call(
    QUICKBOOKS_QUEUE,
    timedelta(seconds=150),
    None,  # attempts are counted, not time: waiting for a turn in the queue is no failure
    timedelta(seconds=10),
    RetryPolicy(
        initial_interval=timedelta(milliseconds=500),
        backoff_coefficient=2,
        maximum_interval=timedelta(seconds=60),
        maximum_attempts=9,
    ),
)

# Saying it in Salesforce never holds up an invoice, so it may take as long as Salesforce is away.
PUBLISH = Call(SALESFORCE_QUEUE, timedelta(seconds=120), None, timedelta(seconds=20), _PATIENT)

# The same for stock: a first load takes minutes.
PUBLISH_STOCK = Call(SALESFORCE_QUEUE, timedelta(minutes=20), None, timedelta(seconds=20), _PATIENT)

# How long a publication that failed for a reason of our own waits before it is tried afresh.
SHOW_AGAIN_AFTER = timedelta(minutes=5)

# Reads of whole masters, page by page.
VENDOR_READ_QUICKBOOKS = Call(
    QUICKBOOKS_QUEUE, timedelta(minutes=10), timedelta(hours=1), timedelta(seconds=30), _PATIENT
)
VENDOR_READ_SALESFORCE = Call(
    SALESFORCE_QUEUE, timedelta(minutes=10), timedelta(hours=1), timedelta(seconds=30), _PATIENT
)

# A poll that will come again by its schedule: no use in trying longer than the next one is away.
POLL_ORDERS = Call(
    SALESFORCE_QUEUE,
    timedelta(minutes=5),
    timedelta(minutes=10),
    timedelta(seconds=30),
    RetryPolicy(initial_interval=timedelta(seconds=2), backoff_coefficient=2, maximum_interval=timedelta(seconds=30)),
)

# The same of QuickBooks' invoices and balances: page by page.
POLL_INVOICES = Call(
    QUICKBOOKS_QUEUE,
    timedelta(minutes=10),
    timedelta(minutes=20),
    timedelta(seconds=30),
    RetryPolicy(initial_interval=timedelta(seconds=5), backoff_coefficient=2, maximum_interval=timedelta(minutes=1)),
)

# Reconciliation: a whole system, page by page, for as long as the night is; an attempt begins the system anew. What is
# still away after that makes the run fail, and the next night begins another.
_NIGHTLY = RetryPolicy(
    initial_interval=timedelta(seconds=10), backoff_coefficient=2, maximum_interval=timedelta(minutes=5)
)
READ_BOOKS = Call(QUICKBOOKS_QUEUE, timedelta(hours=1), timedelta(hours=4), timedelta(seconds=30), _NIGHTLY)
READ_ORG = Call(SALESFORCE_QUEUE, timedelta(hours=1), timedelta(hours=4), timedelta(seconds=30), _NIGHTLY)
READ_EXPORTS = Call(ERP_QUEUE, timedelta(minutes=30), timedelta(hours=1), timedelta(seconds=30), _NIGHTLY)
RECONCILE = Call(WORKFLOW_QUEUE, timedelta(minutes=30), timedelta(hours=2), timedelta(seconds=30), _STEADY)

# Shipments that one publication says at once.
PUBLISHED_TOGETHER = 200

# How long a shipment that QuickBooks did not answer for waits before it asks again by itself.
ASK_AGAIN_AFTER = timedelta(minutes=5)

# Reading records that something is said to have happened to: for as long as Salesforce is away, and at once if not.
READ_HINTED = Call(SALESFORCE_QUEUE, timedelta(minutes=2), None, timedelta(seconds=20), _PATIENT)

# The same of records of QuickBooks.
READ_NAMED_BOOKS = Call(QUICKBOOKS_QUEUE, timedelta(minutes=2), None, timedelta(seconds=20), _PATIENT)

# Looks at one order before its history starts afresh.
ORDER_ROUNDS = 100

# How long an order waits for news before it looks by itself, should news have been missed.
ORDER_LOOKS_AFTER = timedelta(hours=6)

# How long a file that is held looks by itself whether its reason went away.
LOOK_AGAIN_AFTER = timedelta(minutes=1)

# Looks at one shipment before its history starts afresh.
ROUNDS = 200

# Reading one master record, and bringing it to what is agreed: for as long as its system is away.
READ_MASTER_SALESFORCE = Call(SALESFORCE_QUEUE, timedelta(minutes=2), None, timedelta(seconds=20), _PATIENT)
READ_MASTER_QUICKBOOKS = Call(QUICKBOOKS_QUEUE, timedelta(minutes=2), None, timedelta(seconds=20), _PATIENT)
WRITE_MASTER_SALESFORCE = READ_MASTER_SALESFORCE
WRITE_MASTER_QUICKBOOKS = READ_MASTER_QUICKBOOKS

# Looks at one master record before its history starts afresh.
MASTER_ROUNDS = 50

# How long a record that waits for a person waits for news before it looks by itself.
MASTER_LOOKS_AFTER = timedelta(hours=6)

# How long a record waits that a system would not let us read, or that somebody keeps changing under us.
MASTER_TRIES_AGAIN_AFTER = timedelta(minutes=5)
