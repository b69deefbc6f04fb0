"""The checks, one file for each question; each reads the evidence and adds what differs to the report."""
