"""Names that every process shares: task queues and search attributes. Imports nothing heavy: workflows use it."""

from __future__ import annotations

from typing import Final

from temporalio.common import SearchAttributeKey

WORKFLOW_QUEUE: Final = "threeway"
QUICKBOOKS_QUEUE: Final = "quickbooks"
SALESFORCE_QUEUE: Final = "salesforce"
ERP_QUEUE: Final = "erp"
QUEUES: Final = (WORKFLOW_QUEUE, QUICKBOOKS_QUEUE, SALESFORCE_QUEUE, ERP_QUEUE)

SHIPMENT: Final = SearchAttributeKey.for_keyword("Shipment")
ORDER_NUMBER: Final = SearchAttributeKey.for_keyword("OrderNumber")
SOURCE_FILE: Final = SearchAttributeKey.for_keyword("SourceFile")
WORK_STATE: Final = SearchAttributeKey.for_keyword("WorkState")
KEYWORDS: Final = (SHIPMENT, ORDER_NUMBER, SOURCE_FILE, WORK_STATE)
