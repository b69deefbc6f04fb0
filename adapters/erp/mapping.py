"""From decoded records to a canonical payload, by the five verbs of the layout."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from adapters.erp.codes import FieldProblem
from adapters.erp.dates import to_instant
from adapters.erp.layout import Layout
from adapters.erp.layout_checks import split_ref
from adapters.erp.layout_fields import TimestampField
from adapters.erp.layout_map import AnyVerb, Const, FirstNonBlank, Join, Lookup, Take
from adapters.erp.raw import Decoded, LocalMoment, Value
from adapters.erp.targets import MODELS

Records = Mapping[str, Decoded]
Make = Callable[[Records], Any]
Remark = Callable[[str, str, str], None]


class MappingProblem(Exception):
    """A value that cannot be made; names the field that it would come from."""

    def __init__(self, cause: FieldProblem, ref: str | None) -> None:
        super().__init__(cause.what)
        self.cause = cause
        self.ref = ref


def jsonable(value: Value | datetime) -> str | int | bool | None:
    """Decimals as plain text, dates and times in ISO form."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, LocalMoment):
        return str(value)
    return value.isoformat() if isinstance(value, date | time) else value


def _take(ref: str) -> Make:
    record, name = split_ref(ref)

    def take(records: Records) -> str | int | bool | None:
        source = records.get(record)
        return jsonable(source.values.get(name)) if source else None

    return take


def _value(records: Records, ref: str) -> Value:
    record, name = split_ref(ref)
    return records[record].values.get(name) if record in records else None


class Mapper:
    """Builds payloads of one layout. `remark` hears of values that were taken by a rule (record, field, what)."""

    def __init__(self, layout: Layout, remark: Remark) -> None:
        self._layout = layout
        self._remark = remark
        self._model = MODELS.get(layout.layout.entity)
        self._lists = {record.into: name for name, record in layout.records.items() if record.into}
        self._root: list[tuple[list[str], Make]] = []
        self._items: dict[str, list[tuple[list[str], Make]]] = {name: [] for name in self._lists.values()}
        for name, record in layout.records.items():
            for field_name, field in record.fields.items():
                if field.to:
                    self._add(
                        f"{record.into}.{field.to}" if record.into else field.to, Take(take=f"{name}.{field_name}")
                    )
        for path, verb in layout.map.items():
            self._add(path, verb)

    def _add(self, path: str, verb: AnyVerb) -> None:
        head, _, rest = path.partition(".")
        if head in self._lists:
            self._items[self._lists[head]].append((rest.split("."), self.maker(verb)))
        else:
            self._root.append((path.split("."), self.maker(verb)))

    def maker(self, verb: AnyVerb) -> Make:
        """The function that makes one value from the records at hand."""
        match verb:
            case Take(take=ref):
                return self._instant((ref,)) if isinstance(self._layout.field(ref), TimestampField) else _take(ref)
            case Const(const=text):
                return lambda _records: text
            case Join():
                return self._join(verb)
            case Lookup():
                return self._lookup(verb)
            case FirstNonBlank(first_non_blank=refs):
                return lambda records: next(
                    (jsonable(value) for ref in refs if (value := _value(records, ref)) is not None), None
                )

    def _join(self, verb: Join) -> Make:
        if verb.as_ == "text":

            def joined(records: Records) -> str | None:
                parts = [str(jsonable(value)) for ref in verb.join if (value := _value(records, ref)) is not None]
                return verb.with_.join(parts) or None

            return joined
        return self._instant(verb.join)

    def _instant(self, refs: Sequence[str]) -> Make:
        """The UTC instant of a day and a time of day, or of one field that holds both."""

        def instant(records: Records) -> str | None:
            first, last = _value(records, refs[0]), _value(records, refs[-1])
            day, clock = (first.day, first.clock) if isinstance(first, LocalMoment) else (first, last)
            if not isinstance(day, date) or not isinstance(clock, time):
                return None
            try:
                moment, remark = to_instant(day, clock, self._layout.zone, self._layout.layout)
            except FieldProblem as problem:
                raise MappingProblem(problem, refs[-1]) from None
            if remark:
                self._remark(*split_ref(refs[-1]), remark)
            return moment.isoformat()

        return instant

    def _lookup(self, verb: Lookup) -> Make:
        table = self._layout.tables[verb.table]

        def looked_up(records: Records) -> str | None:
            value = jsonable(_value(records, verb.lookup))
            if value is None:
                return None
            if str(value) not in table:
                raise MappingProblem(FieldProblem("E_CODE", f"is not in the table {verb.table}"), verb.lookup)
            return table[str(value)]

        return looked_up

    def payload(self, records: Sequence[Decoded], around: Records) -> dict[str, Any]:
        """The canonical group; raises `MappingProblem`. `around` holds the records outside the group."""
        at_hand = {**around, **{record.type: record for record in records}}
        payload: dict[str, Any] = {}
        _fill(payload, self._root, at_hand)
        for path, name in self._lists.items():
            items = payload.setdefault(str(path).removesuffix("[]"), [])
            for record in records:
                if record.type == name:
                    item: dict[str, Any] = {}
                    _fill(item, self._items[name], {**at_hand, name: record})
                    items.append(item)
        self._validate(payload)
        return payload

    def item_lines(self, records: Sequence[Decoded]) -> tuple[int, ...] | None:
        """Where the items of the payload's list stand in the file; None where the layout has no list, or several."""
        if len(self._lists) != 1:
            return None
        (name,) = self._lists.values()
        return tuple(record.raw.line for record in records if record.type == name)

    def _validate(self, payload: dict[str, Any]) -> None:
        if self._model is None:
            return
        try:
            self._model.model_validate(payload)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            what = f"lacks {'.'.join(map(str, first['loc']))} in canonical words: {first['msg']}"
            raise MappingProblem(FieldProblem("E_CANON", what), None) from error


def _fill(target: dict[str, Any], entries: list[tuple[list[str], Make]], records: Records) -> None:
    """Set each path that has a value; what is absent stays absent, so the model's own default holds."""
    for path, make in entries:
        value = make(records)
        if value is None:
            continue
        if len(path) == 1:
            target[path[0]] = value
            continue
        place = target
        for part in path[:-1]:
            place = place.setdefault(part, {})
        place[path[-1]] = value
