"""Stock in the store: levels and feeds, what an export states, what can be promised, what Salesforce shows."""
