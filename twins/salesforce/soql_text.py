"""SOQL text to a tree: a tokenizer and a recursive descent parser of the supported subset.

SELECT fields, parent paths, COUNT() and one level of child subqueries; FROM; WHERE with = != <> < <= > >= LIKE IN
NOT IN AND OR NOT; ORDER BY with directions and NULLS; LIMIT; OFFSET. As in the original, AND and OR may not be mixed
without parentheses.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import NoReturn

from twins.salesforce.errors import ApiError
from twins.salesforce.values import parse_day, parse_moment

_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<string>'(?:[^'\\]|\\.)*')
  | (?P<moment>\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d))
  | (?P<day>\d{4}-\d\d-\d\d)
  | (?P<number>[+-]?\d+(?:\.\d+)?)
  | (?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)
  | (?P<symbol><=|>=|!=|<>|[=<>(),])
    """,
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
_OPERATORS = {"=", "!=", "<>", "<=", ">=", "<", ">"}
_KEYWORDS = {"select", "from", "where", "order", "by", "limit", "offset", "and", "or", "not", "in", "like", "nulls"}


@dataclass(frozen=True)
class Token:
    """One token; `at` counts characters from 0."""

    kind: str
    text: str
    at: int


@dataclass(frozen=True)
class Literal:
    """A literal of a condition: kind is string, number, moment, day, boolean or null; `raw` keeps the escapes."""

    kind: str
    value: str | Decimal | bool | None
    raw: str
    at: int


@dataclass(frozen=True)
class Path:
    """A field, perhaps behind parent relationships."""

    parts: tuple[str, ...]
    at: int


@dataclass(frozen=True)
class Comparison:
    """A field compared with one literal, or with several by IN and NOT IN."""

    path: Path
    operator: str
    literals: tuple[Literal, ...]


@dataclass(frozen=True)
class Not:
    """A negated condition."""

    condition: "Condition"


@dataclass(frozen=True)
class Both:
    """Conditions joined by one operator, AND or OR."""

    operator: str
    conditions: tuple["Condition", ...]


Condition = Comparison | Not | Both


@dataclass(frozen=True)
class Ordering:
    """One key of ORDER BY."""

    path: Path
    descending: bool
    nulls_last: bool


@dataclass(frozen=True)
class Query:
    """A parsed query; `source` is its text, for messages."""

    source: str
    fields: tuple["Path | Query", ...]
    count: bool
    name: Path
    alias: str
    where: Condition | None
    order: tuple[Ordering, ...]
    limit: int | None
    offset: int


def complain(source: str, at: int, message: str, code: str = "MALFORMED_QUERY") -> NoReturn:
    """Raise 400 with the place of the complaint, as the API words it."""
    near = source[max(0, at - 40) : at + 40]
    mark = " " * min(at, 40) + "^"
    text = f"\n{near}\n{mark}\nERROR at Row:1:Column:{at + 1}\n{message}"
    raise ApiError(400, code, text)


def parse(source: str) -> Query:
    """Read a query; raises `ApiError` 400 MALFORMED_QUERY for anything outside the subset."""
    parser = _Parser(source)
    query = parser.query()
    if parser.here.kind != "end":
        parser.unexpected()
    return query


def _tokens(source: str) -> list[Token]:
    found = []
    at = 0
    while at < len(source):
        match = _TOKEN.match(source, at)
        if match is None:
            complain(source, at, f"line 1:{at} no viable alternative at character '{source[at]}'")
        if match.lastgroup != "space":
            found.append(Token(str(match.lastgroup), match.group(), at))
        at = match.end()
    return [*found, Token("end", "<EOF>", len(source))]


def unescape(text: str) -> str:
    """The text between the quotes with its backslash escapes resolved; `\\_` and `\\%` mean themselves."""
    return _ESCAPE.sub(lambda match: _ESCAPES.get(match.group(1), match.group(1)), text)


class _Parser:
    def __init__(self, source: str) -> None:
        self.source = source
        self.tokens = _tokens(source)
        self.place = 0

    @property
    def here(self) -> Token:
        return self.tokens[self.place]

    def unexpected(self) -> NoReturn:
        complain(self.source, self.here.at, f"unexpected token: '{self.here.text}'")

    def next(self) -> Token:
        token = self.here
        self.place += 1
        return token

    def take(self, *texts: str) -> bool:
        """Consume those keywords or symbols if all of them come next."""
        found = self.tokens[self.place : self.place + len(texts)]
        if [t.text.lower() for t in found] != list(texts) or any(t.kind == "string" for t in found):
            return False
        self.place += len(texts)
        return True

    def expect(self, text: str) -> None:
        if not self.take(text):
            self.unexpected()

    def path(self) -> Path:
        if self.here.kind != "name" or self.here.text.lower() in _KEYWORDS:
            self.unexpected()
        token = self.next()
        return Path(tuple(token.text.split(".")), token.at)

    def query(self, *, inner: bool = False) -> Query:
        self.expect("select")
        count = self.take("count", "(", ")")
        fields = () if count else self._fields(inner=inner)
        self.expect("from")
        name = self._object()
        alias = self._alias()
        where = self._conditions() if self.take("where") else None
        order = self._ordering() if self.take("order", "by") else ()
        limit = self._integer() if self.take("limit") else None
        offset = self._integer() if self.take("offset") else 0
        return Query(self.source, fields, count, name, alias, where, order, limit, offset)

    def _object(self) -> Path:
        """The name after FROM, where `Order` is an object and no keyword."""
        if self.here.kind != "name":
            self.unexpected()
        token = self.next()
        return Path(tuple(token.text.split(".")), token.at)

    def _alias(self) -> str:
        if self.here.kind == "name" and self.here.text.lower() not in _KEYWORDS:
            return self.next().text
        return ""

    def _fields(self, *, inner: bool) -> tuple[Path | Query, ...]:
        found: list[Path | Query] = []
        while True:
            if not inner and self.take("("):
                found.append(self.query(inner=True))
                self.expect(")")
            else:
                found.append(self.path())
            if not self.take(","):
                return tuple(found)

    def _conditions(self) -> Condition:
        first = self._condition()
        found = [first]
        operator = self.here.text.lower()
        while operator in {"and", "or"} and self.take(operator):
            found.append(self._condition())
            if self.here.text.lower() in {"and", "or"} and self.here.text.lower() != operator:
                self.unexpected()
        return Both(operator, tuple(found)) if len(found) > 1 else first

    def _condition(self) -> Condition:
        if self.take("not"):
            return Not(self._condition())
        if self.take("("):
            inner = self._conditions()
            self.expect(")")
            return inner
        path = self.path()
        return Comparison(path, *self._test())

    def _test(self) -> tuple[str, tuple[Literal, ...]]:
        if self.take("in"):
            return "in", self._list()
        if self.take("not", "in"):
            return "not in", self._list()
        if self.take("like"):
            return "like", (self._literal(),)
        operator = self.here.text
        if operator not in _OPERATORS or not self.take(operator):
            self.unexpected()
        return "!=" if operator == "<>" else operator, (self._literal(),)

    def _list(self) -> tuple[Literal, ...]:
        self.expect("(")
        found = [self._literal()]
        while self.take(","):
            found.append(self._literal())
        self.expect(")")
        return tuple(found)

    def _literal(self) -> Literal:
        token = self.here
        value: str | Decimal | bool | None = None
        kind = token.kind
        word = token.text.lower()
        if kind == "string":
            value = unescape(token.text[1:-1])
        elif kind == "number":
            value = Decimal(token.text)
        elif kind == "moment":
            value = parse_moment(token.text)
        elif kind == "day":
            value = parse_day(token.text)
        elif word in {"true", "false"}:
            kind, value = "boolean", word == "true"
        elif word == "null":
            kind = "null"
        if value is None and kind != "null":
            self.unexpected()
        self.place += 1
        return Literal(kind, value, token.text, token.at)

    def _ordering(self) -> tuple[Ordering, ...]:
        found = []
        while True:
            path = self.path()
            descending = self.take("desc") or (self.take("asc") and False)
            nulls_last = self.take("nulls", "last") or (self.take("nulls", "first") and False)
            found.append(Ordering(path, descending, nulls_last))
            if not self.take(","):
                return tuple(found)

    def _integer(self) -> int:
        if self.here.kind != "number" or not self.here.text.isdigit():
            self.unexpected()
        return int(self.next().text)
