"""Salesforce: orders in, the gateway's statements out. Vendor words stop at the edge of this package."""
