"""Repeatable measurements and proofs; each is one command, and its result stands in docs/reference/proofs.md."""
