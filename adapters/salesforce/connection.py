"""How to reach one Salesforce org, and what its objects and fields are called there."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, field_validator, model_validator

# An API name of Salesforce: it goes into SOQL and paths as it stands, so nothing else may pass.
ApiName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=80)]


def _is_local(host: str) -> bool:
    """True for this machine, a private address, or a bare service name: the places of a stand-in."""
    try:
        return ip_address(host).is_private
    except ValueError:
        return host == "localhost" or "." not in host


class SalesforceConnection(BaseModel):
    """One org and the integration user's credentials. Timeouts are seconds.

    Either `client_secret` (client credentials) or `username` with `private_key` (JWT bearer, PEM). `url` is the My
    Domain base; `http://` is accepted for a stand-in on this machine or a private network only.
    `audience` is that of the JWT.
    """

    model_config = ConfigDict(frozen=True)

    url: str
    client_id: Annotated[str, StringConstraints(min_length=1)]
    client_secret: SecretStr | None = None
    username: str | None = None
    private_key: SecretStr | None = None
    audience: str | None = None
    api_version: Annotated[str, StringConstraints(pattern=r"^\d{2,3}\.0$")] = "67.0"
    connect_timeout: float = Field(default=5, gt=0)
    read_timeout: float = Field(default=30, gt=0)
    max_concurrency: int = Field(default=4, ge=1, le=25)
    session_life: timedelta = timedelta(minutes=60)

    @field_validator("url")
    @classmethod
    def _base_only(cls, url: str) -> str:
        parts = urlsplit(url.strip().rstrip("/"))
        if parts.scheme not in {"https", "http"} or not parts.hostname or parts.path or parts.query or parts.username:
            raise ValueError("the Salesforce URL is a base such as https://acme.my.salesforce.com, without a path")
        if parts.scheme == "http" and not _is_local(parts.hostname):
            raise ValueError("http:// is for a local stand-in only: use https:// for Salesforce")
        if parts.hostname.endswith(".lightning.force.com"):
            raise ValueError("use the My Domain address (…my.salesforce.com), not the Lightning address")
        return f"{parts.scheme}://{parts.netloc}"

    @model_validator(mode="after")
    def _one_way_to_log_in(self) -> Self:
        bearer = self.username is not None and self.private_key is not None
        if self.client_secret is None and not bearer:
            raise ValueError("give a client secret, or a user name with its private key")
        return self

    @property
    def is_stand_in(self) -> bool:
        """True when plain HTTP to a stand-in is meant."""
        return self.url.startswith("http://")

    @property
    def account(self) -> str:
        """The name under which the vault keeps this connection's token: the user or consumer at the host."""
        return f"{self.username or self.client_id}@{urlsplit(self.url).netloc}"

    @property
    def jwt_audience(self) -> str:
        """The audience of the JWT: the login host of production or of sandboxes, unless it was given."""
        host = "test" if ".sandbox." in self.url else "login"
        return self.audience or f"https://{host}.salesforce.com"


class _Names(BaseModel):
    model_config = ConfigDict(frozen=True)


class AccountNames(_Names):
    """Customers. `master_record`: the record that a merged one was merged into."""

    sobject: ApiName = "Account"
    erp_id: ApiName = "ERP_Id__c"
    name: ApiName = "Name"
    phone: ApiName = "Phone"
    street: ApiName = "BillingStreet"
    city: ApiName = "BillingCity"
    state: ApiName = "BillingState"
    postal_code: ApiName = "BillingPostalCode"
    master_record: ApiName = "MasterRecordId"
    open_balance: ApiName = "Open_Balance__c"
    credit_hold: ApiName = "Credit_Hold__c"


class ProductNames(_Names):
    """Items."""

    sobject: ApiName = "Product2"
    sku: ApiName = "ERP_SKU__c"
    name: ApiName = "Name"
    is_active: ApiName = "IsActive"
    available: ApiName = "Available_Qty__c"


class OrderNames(_Names):
    """Orders. `account` is the relationship to the customer; the standard fields change when an org keeps orders in an
    object of its own, and `active_statuses` then says which statuses count as activated (None: ask `OrderStatus`)."""

    sobject: ApiName = "Order"
    name: ApiName = "OrderNumber"
    number: ApiName = "ERP_Order_Id__c"
    gateway_status: ApiName = "Gateway_Status__c"
    gateway_message: ApiName = "Gateway_Message__c"
    gateway_message_length: int = Field(default=255, ge=1)
    invoiced_amount: ApiName = "Invoiced_Amount__c"
    open_amount: ApiName = "Open_Amount__c"
    account: ApiName = "Account"
    status: ApiName = "Status"
    purchase_order: ApiName = "PoNumber"
    ordered_on: ApiName = "EffectiveDate"
    active_statuses: frozenset[str] | None = None


class OrderItemNames(_Names):
    """Lines of orders. `order` is the lookup field to the order, `product` the relationship to the item."""

    sobject: ApiName = "OrderItem"
    line_no: ApiName = "ERP_Line_No__c"
    shipped: ApiName = "Qty_Shipped__c"
    backordered: ApiName = "Qty_Backordered__c"
    invoiced: ApiName = "Qty_Invoiced__c"
    uom: ApiName = "UoM__c"
    order: ApiName = "OrderId"
    product: ApiName = "Product2"
    quantity: ApiName = "Quantity"
    unit_price: ApiName = "UnitPrice"


class OrderEventNames(_Names):
    """What happened to an order."""

    sobject: ApiName = "Order_Event__c"
    key: ApiName = "Event_Key__c"
    order: ApiName = "Order__c"
    type: ApiName = "Type__c"
    occurred_at: ApiName = "Occurred_At__c"
    source: ApiName = "Source__c"
    note: ApiName = "Note__c"
    note_length: int = Field(default=255, ge=1)


class InvoiceNames(_Names):
    """Invoices as reps see them."""

    sobject: ApiName = "Invoice__c"
    key: ApiName = "Invoice_Key__c"
    order: ApiName = "Order__c"
    doc_number: ApiName = "Doc_Number__c"
    status: ApiName = "Status__c"
    total: ApiName = "Total__c"
    balance: ApiName = "Balance__c"
    invoiced_on: ApiName = "Invoiced_On__c"
    quickbooks_id: ApiName = "QuickBooks_Id__c"


class InventoryNames(_Names):
    """What can be promised, by item and warehouse."""

    sobject: ApiName = "Inventory_Level__c"
    key: ApiName = "Key__c"
    product: ApiName = "Product__c"
    warehouse: ApiName = "Warehouse__c"
    on_hand: ApiName = "On_Hand__c"
    allocated: ApiName = "Allocated__c"
    available: ApiName = "Available__c"
    as_of: ApiName = "As_Of__c"
    source_seq: ApiName = "Source_Seq__c"
    confidence: ApiName = "Confidence__c"
    basis: ApiName = "Basis__c"
    basis_length: int = Field(default=255, ge=1)


class SalesforceNames(_Names):
    """The API names of every object and field that the gateway uses; the defaults are those of the shipped metadata."""

    account: AccountNames = AccountNames()
    product: ProductNames = ProductNames()
    order: OrderNames = OrderNames()
    order_item: OrderItemNames = OrderItemNames()
    order_event: OrderEventNames = OrderEventNames()
    invoice: InvoiceNames = InvoiceNames()
    inventory: InventoryNames = InventoryNames()


def relationship(lookup: str) -> str:
    """The relationship of a lookup field: `Order__c` is followed as `Order__r`, `OrderId` as `Order`."""
    return f"{lookup[:-1]}r" if lookup.endswith("__c") else lookup.removesuffix("Id")
