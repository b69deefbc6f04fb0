"""The query language of QuickBooks Online: words, grammar and the faults 4000 and 4001.

`SELECT * | COUNT(*) FROM Entity [WHERE p op v [AND ...]] [ORDERBY p [ASC|DESC], ...] [STARTPOSITION n] [MAXRESULTS n]`;
`ORDER BY` and `SELECT *, Sku` are accepted as client libraries write them. There is no OR, NOT or `!=`.
"""

import re
from dataclasses import dataclass

from twins.quickbooks.answers import BusinessFault

_WORD = re.compile(
    r"\s*(?:(?P<string>'(?:[^'\\]|\\.)*')|(?P<name>[A-Za-z_][\w.]*)|(?P<number>-?\d+(?:\.\d+)?)|(?P<sign><=|>=|[=<>(),*]))",
    re.DOTALL,
)
_OPERATORS = {"=", "<", ">", "<=", ">=", "in", "like"}
_CLAUSES = ("orderby", "order", "startposition", "maxresults")
MOST_ROWS = 1000


@dataclass(frozen=True)
class Token:
    """One word of a query with its column, counted from 1."""

    kind: str
    text: str
    column: int

    @property
    def word(self) -> str:
        """The word in lower case: the language ignores case."""
        return self.text.lower() if self.kind in ("name", "sign") else ""


@dataclass(frozen=True)
class Condition:
    """One comparison; `values` has one entry but for IN."""

    name: str
    operator: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Query:
    """A parsed query; names as they were written."""

    entity: str
    counts: bool = False
    conditions: tuple[Condition, ...] = ()
    order: tuple[tuple[str, bool], ...] = ()
    start: int = 1
    most: int = 100


def parse(text: str) -> Query:
    """Read a query; raises the fault 4000 for a syntax error and 4001 for positions out of range."""
    return _Parser(_tokens(text)).query()


def _tokens(text: str) -> list[Token]:
    tokens, place = [], 0
    while text[place:].strip():
        match = _WORD.match(text, place)
        if match is None:
            column = place + len(text[place:]) - len(text[place:].lstrip()) + 1
            raise _lexical(text, column)
        kind = str(match.lastgroup)
        tokens.append(Token(kind, match.group(kind), match.start(kind) + 1))
        place = match.end()
    return [*tokens, Token("end", "<EOF>", len(text) + 1)]


class _Parser:
    """Recursive descent over the words of one query."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._place = 0

    def query(self) -> Query:
        self._take("select")
        counts = self._projection()
        self._take("from")
        entity = self._name()
        conditions = self._conditions() if self._skip("where") else ()
        order = self._order()
        start = self._position("startposition", 1)
        most = self._position("maxresults", 100)
        if self._now.kind != "end":
            raise _syntax(self._now)
        return Query(entity, counts, conditions, order, start, min(most, MOST_ROWS))

    @property
    def _now(self) -> Token:
        return self._tokens[self._place]

    def _skip(self, word: str) -> bool:
        if self._now.word != word:
            return False
        self._place += 1
        return True

    def _take(self, word: str) -> None:
        if not self._skip(word):
            raise _syntax(self._now)

    def _name(self) -> str:
        token = self._now
        if token.kind != "name" or token.word in _CLAUSES:
            raise _syntax(token)
        self._place += 1
        return token.text

    def _projection(self) -> bool:
        if self._skip("count"):
            for sign in "(*)":
                self._take(sign)
            return True
        self._take("*")
        while self._skip(","):
            self._name()
        return False

    def _conditions(self) -> tuple[Condition, ...]:
        found = [self._condition()]
        while self._skip("and"):
            found.append(self._condition())
        return tuple(found)

    def _condition(self) -> Condition:
        name = self._name()
        operator = self._now.word
        if operator not in _OPERATORS:
            raise _syntax(self._now)
        self._place += 1
        if operator != "in":
            return Condition(name, operator, (self._value(),))
        self._take("(")
        values = [self._value()]
        while self._skip(","):
            values.append(self._value())
        self._take(")")
        return Condition(name, operator, tuple(values))

    def _value(self) -> str:
        token = self._now
        if token.kind not in ("string", "number") and token.word not in ("true", "false"):
            raise _syntax(token)
        self._place += 1
        return re.sub(r"\\(.)", r"\1", token.text[1:-1], flags=re.DOTALL) if token.kind == "string" else token.text

    def _order(self) -> tuple[tuple[str, bool], ...]:
        if self._skip("order"):
            self._take("by")
        elif not self._skip("orderby"):
            return ()
        found = [self._sorting()]
        while self._skip(","):
            found.append(self._sorting())
        return tuple(found)

    def _sorting(self) -> tuple[str, bool]:
        name = self._name()
        if self._skip("desc"):
            return name, True
        self._skip("asc")
        return name, False

    def _position(self, word: str, default: int) -> int:
        if not self._skip(word):
            return default
        token = self._now
        if not token.text.isdigit():
            raise _syntax(token)
        self._place += 1
        value = int(token.text)
        if value < 1:
            detail = f"QueryValidationError: value {value} is too small. Min allowed value is 1"
            raise BusinessFault(4001, detail)
        return value


def _syntax(token: Token) -> BusinessFault:
    kind = {"name": "<IDENTIFIER>", "string": "<STRING>", "number": "<NUMBER>"}.get(token.kind, "")
    shown = f'" {kind} "{token.text} ""' if kind else f'"{token.text}"'
    return BusinessFault(4000, f"QueryParserError: Encountered {shown} at line 1, column {token.column}.")


def _lexical(text: str, column: int) -> BusinessFault:
    sign = text[column - 1 : column]
    return BusinessFault(4000, f'QueryParserError: Lexical error at line 1, column {column}.  Encountered: "{sign}"')
