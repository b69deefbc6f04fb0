"""Where alerts go: mail, signed calls to an address of our own, incoming webhooks of Slack's form."""
