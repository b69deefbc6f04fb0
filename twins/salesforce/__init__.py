"""A stand-in of a Salesforce org: REST API, SOQL, Collections and Composite on one SQLite file."""
