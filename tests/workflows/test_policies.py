"""The table of time-outs: one entry a name, since a second one would silently replace the first."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

from workflows import policies


def test_no_policy_is_declared_twice() -> None:
    tree = ast.parse(Path(policies.__file__).read_text(encoding="utf-8"))
    assigned = [target for one in tree.body if isinstance(one, ast.Assign) for target in one.targets]
    names = [one.id for one in assigned if isinstance(one, ast.Name)]
    assert len(names) > 20
    assert [name for name, count in Counter(names).items() if count > 1] == []
