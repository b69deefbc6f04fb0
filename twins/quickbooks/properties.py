"""The properties of each entity that a request may name, as the API reference lists them."""

from collections.abc import Mapping
from typing import Any

from twins.quickbooks.shapes import Reader, choice, day, filled, flag, ignored, many, number, reference, shape, text
from twins.web import JsonObject

_COMMON: Mapping[str, Reader] = {
    "Id": text(30),
    "SyncToken": text(30),
    "sparse": flag,
    "domain": ignored,
    "status": ignored,
    "MetaData": ignored,
}
_ADDRESS = filled(
    {
        "Id": ignored,
        **{f"Line{n}": text(500) for n in range(1, 6)},
        **{name: text(255) for name in ("City", "CountrySubDivisionCode", "PostalCode", "Country", "CountryCode")},
        **{name: text(255) for name in ("Lat", "Long", "Note")},
    }
)
_EMAIL = filled({"Address": text(100)})
_PHONE = filled({"FreeFormNumber": text(30)})
_CUSTOM_FIELDS = many(shape({"DefinitionId": text(30), "Name": text(100), "Type": text(30), "StringValue": text(31)}))
_LINKED = many(shape({"TxnId": text(30), "TxnType": text(30), "TxnLineId": text(30)}))
_SALES_DETAIL = shape(
    {
        "ItemRef": reference,
        "Qty": number,
        "UnitPrice": number,
        "TaxCodeRef": reference,
        "ServiceDate": day,
        "ItemAccountRef": ignored,
        "TaxClassificationRef": ignored,
        "TaxInclusiveAmt": ignored,
        "ClassRef": reference,
        "MarkupInfo": ignored,
        "PriceLevelRef": ignored,
    }
)
_DISCOUNT_DETAIL = shape(
    {
        "PercentBased": flag,
        "DiscountPercent": number,
        "DiscountAccountRef": reference,
        "Discount": ignored,
        "ClassRef": reference,
        "TaxCodeRef": reference,
    }
)
_LINE = shape(
    {
        "Id": text(30),
        "LineNum": ignored,
        "Description": text(4000),
        "Amount": number,
        "DetailType": choice(
            "SalesItemLineDetail", "DiscountLineDetail", "SubTotalLineDetail", "DescriptionOnly", "GroupLineDetail"
        ),
        "SalesItemLineDetail": _SALES_DETAIL,
        "DiscountLineDetail": _DISCOUNT_DETAIL,
        "SubTotalLineDetail": ignored,
        "SubtotalLineDetail": ignored,
        "DescriptionLineDetail": shape({"ServiceDate": day, "TaxCodeRef": reference}),
        "GroupLineDetail": ignored,
        "LinkedTxn": _LINKED,
        "CustomField": _CUSTOM_FIELDS,
    }
)
_TAX = shape({"TxnTaxCodeRef": reference, "TotalTax": number, "TaxLine": ignored})
_DOCUMENT = {
    **_COMMON,
    "DocNumber": text(21),
    "TxnDate": day,
    "DueDate": day,
    "ShipDate": day,
    "CustomerRef": reference,
    "SalesTermRef": reference,
    "ClassRef": reference,
    "DepartmentRef": reference,
    "CurrencyRef": reference,
    "ShipMethodRef": reference,
    "ExchangeRate": number,
    "Line": many(_LINE),
    "LinkedTxn": _LINKED,
    "CustomField": _CUSTOM_FIELDS,
    "PrivateNote": text(4000),
    "CustomerMemo": filled({"value": text(1000)}),
    "TrackingNum": text(31),
    "BillAddr": _ADDRESS,
    "ShipAddr": _ADDRESS,
    "ShipFromAddr": _ADDRESS,
    "BillEmail": _EMAIL,
    "BillEmailCc": _EMAIL,
    "BillEmailBcc": _EMAIL,
    "EmailStatus": choice("NotSet", "NeedToSend", "EmailSent"),
    "PrintStatus": choice("NotSet", "NeedToPrint", "PrintComplete"),
    "GlobalTaxCalculation": choice("TaxExcluded", "TaxInclusive", "NotApplicable"),
    "TxnTaxDetail": _TAX,
    "ApplyTaxAfterDiscount": flag,
    "AllowIPNPayment": flag,
    "AllowOnlinePayment": flag,
    "AllowOnlineCreditCardPayment": flag,
    "AllowOnlineACHPayment": flag,
    "FreeFormAddress": flag,
    **dict.fromkeys(("Deposit", "Balance", "TotalAmt", "HomeTotalAmt", "HomeBalance", "InvoiceLink"), ignored),
    **dict.fromkeys(("DeliveryInfo", "RecurDataRef", "TaxExemptionRef", "EInvoiceStatus"), ignored),
}
_INVOICE = shape(_DOCUMENT)
_CREDIT_MEMO = shape({**_DOCUMENT, "RemainingCredit": ignored})
_CUSTOMER = shape(
    {
        **_COMMON,
        "DisplayName": text(500),
        "CompanyName": text(100),
        **{name: text(100) for name in ("Title", "GivenName", "MiddleName", "FamilyName", "Suffix")},
        "PrintOnCheckName": text(110),
        "Notes": text(2000),
        "Active": flag,
        "Taxable": flag,
        "Job": flag,
        "BillWithParent": flag,
        "ParentRef": reference,
        "SalesTermRef": reference,
        "PaymentMethodRef": reference,
        "DefaultTaxCodeRef": reference,
        "CurrencyRef": reference,
        "BillAddr": _ADDRESS,
        "ShipAddr": _ADDRESS,
        **dict.fromkeys(("PrimaryPhone", "AlternatePhone", "Mobile", "Fax"), _PHONE),
        "PrimaryEmailAddr": _EMAIL,
        "WebAddr": filled({"URI": text(1000)}),
        "PreferredDeliveryMethod": text(30),
        "ResaleNum": text(16),
        "PrimaryTaxIdentifier": text(20),
        "OpenBalanceDate": day,
        **dict.fromkeys(("Balance", "BalanceWithJobs", "FullyQualifiedName", "Level", "IsProject"), ignored),
        **dict.fromkeys(("ClientEntityId", "V4IDPseudonym", "ARAccountRef"), ignored),
    }
)
_ITEM = shape(
    {
        **_COMMON,
        "Name": text(100),
        "Sku": text(100),
        "Description": text(4000),
        "Type": choice("Inventory", "NonInventory", "Service", "Category", "Group"),
        "Active": flag,
        "Taxable": flag,
        "SalesTaxIncluded": flag,
        "PurchaseTaxIncluded": flag,
        "SubItem": flag,
        "ParentRef": reference,
        "UnitPrice": number,
        "PurchaseCost": number,
        "PurchaseDesc": text(1000),
        "TrackQtyOnHand": flag,
        "QtyOnHand": number,
        "InvStartDate": day,
        **dict.fromkeys(("IncomeAccountRef", "ExpenseAccountRef", "AssetAccountRef"), reference),
        **dict.fromkeys(("SalesTaxCodeRef", "PurchaseTaxCodeRef"), reference),
        **dict.fromkeys(("FullyQualifiedName", "Level", "TaxClassificationRef"), ignored),
    }
)
_TERM = shape(
    {
        **_COMMON,
        "Name": text(31),
        "Active": flag,
        "Type": ignored,
        **dict.fromkeys(("DueDays", "DiscountDays", "DiscountPercent"), number),
        **dict.fromkeys(("DayOfMonthDue", "DueNextMonthDays", "DiscountDayOfMonth"), number),
    }
)
_PAYMENT = shape(
    {
        **_COMMON,
        "CustomerRef": reference,
        "TotalAmt": number,
        "TxnDate": day,
        "PaymentRefNum": text(21),
        "PrivateNote": text(4000),
        "PaymentMethodRef": ignored,
        "DepositToAccountRef": ignored,
        "CurrencyRef": reference,
        "ExchangeRate": number,
        "ProcessPayment": flag,
        "Line": many(shape({"Amount": number, "LinkedTxn": _LINKED, "LineEx": ignored})),
        **dict.fromkeys(("UnappliedAmt", "LinkedTxn", "ARAccountRef", "CreditCardPayment"), ignored),
        **dict.fromkeys(("TxnStatus", "TransactionLocationType", "TxnSource"), ignored),
    }
)
SHAPES: Mapping[str, Reader] = {
    "Invoice": _INVOICE,
    "CreditMemo": _CREDIT_MEMO,
    "Customer": _CUSTOMER,
    "Item": _ITEM,
    "Term": _TERM,
    "Payment": _PAYMENT,
}


def clean(kind: str, body: Any) -> JsonObject:
    """Return the body of an entity with only known, present, well-typed properties."""
    cleaned: JsonObject = SHAPES[kind](body, kind)
    return cleaned
