"""What schemathesis cannot read out of a description: our formats, and which refusals a schema may not foresee."""

from __future__ import annotations

import schemathesis
from hypothesis import strategies as st

# Only what a list called `next` is one, and a blank one is the first page.
schemathesis.openapi.format("cursor", st.just(""))


@schemathesis.check
def what_fits_the_description_is_not_called_invalid(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case
) -> None:
    """A request that the description allows may be refused for what it means, never for its form."""
    meta = case.meta
    if meta is None or not meta.generation.mode.is_positive or response.status_code != 422:
        return
    document = response.json()
    if document["code"] == "invalid_request":
        raise AssertionError(f"a request that fits the description is called invalid: {document['detail']}")
