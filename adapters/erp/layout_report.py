"""Reports as exports: what a print spool says about pages, and where in it the records are.

Every expression is searched in one line of bytes without its line end and form feed; `^` and `$` mean all of it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from adapters.erp.layout_fields import Pattern, Strict, Texts


class PageRules(Strict):
    """How a page starts, and what stands on every page.

    `starts` knows the first line of a page; its group `page` is the page number, and other groups may be read as fields
    of `record`, which the first line of the first page is. `headings` are the lines below it, one expression each.
    `must_repeat` are lines of the page (1: its first) that say on every page what they say on the first one, the page
    number apart. `form_feed`: `between` wants one before every page but the first, `every` before that too.
    """

    starts: Pattern
    record: str
    headings: Annotated[tuple[Pattern, ...], BeforeValidator(lambda value: value)] = ()
    must_repeat: tuple[int, ...] = ()
    number: Literal["contiguous", "none"] = "contiguous"
    form_feed: Literal["between", "every", "optional", "none"] = "between"

    @model_validator(mode="after")
    def _lines(self) -> PageRules:
        wrong = [line for line in self.must_repeat if not 1 <= line <= 1 + len(self.headings)]
        if wrong:
            raise ValueError(
                f"`must_repeat` names the lines {wrong}; a page has the lines 1 to {1 + len(self.headings)}"
            )
        if self.number == "contiguous" and "(?P<page>" not in self.starts:
            raise ValueError("`starts` needs a group (?P<page>...) for the page number, or `number: none`")
        return self


class Region(Strict):
    """The part of the report that holds records: after a line like `from`, before one like `to`; each is optional.

    Those two lines may be records themselves; other lines outside are passed over, and counted as skipped.
    """

    from_: Pattern | None = Field(default=None, alias="from")
    to: Pattern | None = None


class Carry(Strict):
    """A value that stands once above the records that it belongs to: group `value` of `regex`.

    It holds until the next such line; with `clears_on: page` a new page forgets it.
    """

    regex: Pattern
    clears_on: Literal["match", "page"] = "match"

    @model_validator(mode="after")
    def _named(self) -> Carry:
        if "(?P<value>" not in self.regex:
            raise ValueError("`regex` needs a group (?P<value>...)")
        return self


class ReportFormat(Strict):
    """A print-spool report: each line is a record, page furniture or declared to be ignored, else E_UNKNOWN.

    With a `delimiter` the fields of a record may stand in a `col`.
    """

    type: Literal["report"]
    page: PageRules
    region: Region | None = None
    carry: dict[str, Carry] = Field(default_factory=dict)
    ignore: Texts = ()
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
