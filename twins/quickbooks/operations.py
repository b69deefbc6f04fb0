"""What can be done with an entity: one dispatch for single requests and for the items of a batch."""

from typing import Any

from twins.quickbooks.answers import INACTIVE, BusinessFault, missing, no_resource
from twins.quickbooks.credit_memos import create_credit_memo, delete_credit_memo
from twins.quickbooks.invoices import create_invoice, delete_invoice, update_invoice, void_invoice
from twins.quickbooks.masters import create_master, update_master
from twins.quickbooks.payments import create_payment, delete_payment, void_payment
from twins.quickbooks.properties import clean
from twins.quickbooks.state import Company
from twins.web import JsonObject

READABLE = {name.lower(): name for name in ("Invoice", "CreditMemo", "Customer", "Item", "Term", "Payment", "Account")}


def preferences(company: Company) -> JsonObject:
    """Return the one Preferences object, as the settings of the twin have it."""
    settings = company.settings
    accounting: JsonObject = {"TrackDepartments": False, "ClassTrackingPerTxn": False, "ClassTrackingPerTxnLine": False}
    if settings["book_close_on"]:
        accounting["BookCloseDate"] = settings["book_close_on"]
    start = "2026-01-01T00:00:00-05:00"
    return {
        "AccountingInfoPrefs": {**accounting, "FirstMonthOfFiscalYear": "January", "CustomerTerminology": "Customers"},
        "ProductAndServicesPrefs": {"ForSales": True, "QuantityWithPriceAndRate": True, "QuantityOnHand": True},
        "SalesFormsPrefs": {
            "CustomTxnNumbers": settings["custom_txn_numbers"],
            "AllowDiscount": True,
            "AllowShipping": False,
            "AutoApplyCredit": False,
            "CustomField": [],
        },
        "TaxPrefs": {"UsingSalesTax": settings["using_sales_tax"]},
        "CurrencyPrefs": {"MultiCurrencyEnabled": False, "HomeCurrency": {"value": "USD"}},
        "OtherPrefs": {
            "NameValue": [
                {
                    "Name": "SalesFormsPrefs.UsingWarnDuplicateTxnNumber",
                    "Value": _word(settings["warn_duplicate_numbers"]),
                }
            ]
        },
        "domain": "QBO",
        "sparse": False,
        "Id": "1",
        "SyncToken": "1",
        "MetaData": {"CreateTime": start, "LastUpdatedTime": start},
    }


def company_info(company: Company) -> JsonObject:
    """Return the CompanyInfo of the one company."""
    start = "2026-01-01T00:00:00-05:00"
    return {
        "CompanyName": "Twin Distribution Inc.",
        "LegalName": "Twin Distribution Inc.",
        "Country": "US",
        "FiscalYearStartMonth": "January",
        "SupportedLanguages": "en",
        "DefaultTimeZone": company.settings["company_zone"],
        "domain": "QBO",
        "sparse": False,
        "Id": "1",
        "SyncToken": "1",
        "MetaData": {"CreateTime": start, "LastUpdatedTime": start},
    }


def read(company: Company, kind: str, key: str) -> JsonObject:
    """Return one entity; 610 when it does not exist or was deleted."""
    found = company.find(kind, key)
    if found is None:
        raise BusinessFault(610, INACTIVE)
    return found


def change(company: Company, kind: str, operation: str, body: Any, include: frozenset[str]) -> JsonObject:
    """Create, update, delete or void one entity and return what QuickBooks answers about it."""
    if kind == "Account":
        raise BusinessFault(500, f"Operation {operation or 'create'} is not supported for Account")
    fields = clean(kind, body)
    wanted = _wanted(operation, fields, include)
    if kind == "Invoice":
        return _change_invoice(company, wanted, fields, include)
    if kind == "Payment":
        return _change_payment(company, wanted, fields)
    if kind == "CreditMemo":
        return _change_credit_memo(company, wanted, fields, include)
    if wanted not in ("create", "update"):
        raise BusinessFault(500, f"Operation {wanted} is not supported for {kind}")
    return create_master(company, kind, fields) if wanted == "create" else update_master(company, kind, fields)


def _wanted(operation: str, fields: JsonObject, include: frozenset[str]) -> str:
    """Name the operation; all but a create need Id and SyncToken (2020)."""
    wanted = operation or ("update" if "Id" in fields else "create")
    if wanted == "update" and "void" in include:
        wanted = "void"
    if wanted != "create":
        for name in ("Id", "SyncToken"):
            if name not in fields:
                raise missing(name)
    return wanted


def kind_of(resource: str, path: str) -> str:
    """Return the entity that a path or a batch item names; a system fault for an unknown one."""
    kind = READABLE.get(resource.lower())
    if kind is None:
        raise no_resource(path)
    return kind


def _change_invoice(company: Company, wanted: str, fields: JsonObject, include: frozenset[str]) -> JsonObject:
    if wanted == "create":
        return create_invoice(company, fields, include)
    if wanted == "update":
        return update_invoice(company, fields, include)
    if wanted == "delete":
        return delete_invoice(company, fields)
    if wanted == "void":
        return void_invoice(company, fields)
    raise BusinessFault(500, f"Operation {wanted} is not supported for Invoice")


def _change_credit_memo(company: Company, wanted: str, fields: JsonObject, include: frozenset[str]) -> JsonObject:
    if wanted == "create":
        return create_credit_memo(company, fields, include)
    if wanted == "delete":
        return delete_credit_memo(company, fields)
    raise BusinessFault(500, f"Operation {wanted} is not supported for CreditMemo")


def _change_payment(company: Company, wanted: str, fields: JsonObject) -> JsonObject:
    if wanted == "create":
        return create_payment(company, fields)
    if wanted == "delete":
        return delete_payment(company, fields)
    if wanted == "void":
        return void_payment(company, fields)
    raise BusinessFault(500, f"Operation {wanted} is not supported for Payment")


def _word(value: object) -> str:
    return "true" if value else "false"
