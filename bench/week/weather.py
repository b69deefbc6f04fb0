"""What goes wrong in the week, by a seed: vendors fail, hooks are lost, files come out of order, workers die."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from random import Random

from bench.week.stage import Stage

# Payments are booked by the week's own bookkeeper: she is spared.
BOOKS = r"/(invoice|batch|creditmemo|query|cdc|customer)"
ORG = r"/services/data/"
FAULTS = (
    ("status", {"status": 503, "times": 3}),
    ("status", {"status": 429, "times": 2}),
    ("status", {"status": 500, "times": 2, "commit": True}),
    ("commit_then_reset", {"times": 1}),
    ("reset_before", {"times": 2}),
    ("slow", {"times": 4, "seconds": 2}),
    ("commit_then_hang", {"times": 1, "seconds": 3}),
    ("expired_token_once", {"times": 1}),
)
ORG_FAULTS = (*FAULTS, ("lock_row", {"times": 2}), ("item_lock", {"times": 2}), ("concurrent_limit", {"times": 1}))
HABITS = 15  # of a hundred files of the ERP, so many come in some wrong way


@dataclass
class Weather:
    """Bad weather, as much as is asked for. `faults`, `hooks` and `habits` are switches; `kills`: how often."""

    stage: Stage
    seed: int
    faults: bool = False
    hooks: bool = False
    habits: bool = False
    kills: int = 0
    happened: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._rng = Random(f"{self.seed}|weather")
        self._deaths = sorted(self._rng.uniform(0.05, 0.95) for _ in range(self.kills))

    def begin(self) -> None:
        """Switch on what lasts the whole week."""
        if self.habits:
            self.stage.foreman.set(habits=HABITS)

    def change(self, share: float) -> None:
        """One look of the week, of which this share is over: something may break, a worker may die."""
        if self.faults and self._rng.random() < 0.3:
            self._break()
        if self.hooks and self._rng.random() < 0.3:
            self._disturb_hooks()
        while self._deaths and self._deaths[0] <= share:
            self._deaths.pop(0)
            self._kill()

    def calm(self) -> None:
        """The storm is over: vendors answer, hooks arrive."""
        self.stage.bookkeeper.heal()
        self.stage.rep.heal()
        self.stage.rep.set(hook_lose_next=0, hook_repeat=0, hook_shuffle=False)
        self.stage.foreman.set(habits=0)

    def _break(self) -> None:
        if self._rng.random() < 0.5:
            kind, rule = self._rng.choice(FAULTS)
            self.stage.bookkeeper.fault(kind, path=BOOKS, **rule)
            self.happened[f"quickbooks {kind}"] += 1
        else:
            kind, rule = self._rng.choice(ORG_FAULTS)
            self.stage.rep.fault(kind, path=ORG, **rule)
            self.happened[f"salesforce {kind}"] += 1

    def _disturb_hooks(self) -> None:
        if self._rng.random() < 0.5:
            self.stage.rep.set(hook_lose_next=3)
            self.happened["hooks lost"] += 3
        else:
            self.stage.rep.set(hook_repeat=self._rng.choice((0, 1, 2)), hook_shuffle=self._rng.random() < 0.5)
            self.happened["hooks repeated or shuffled"] += 1

    def _kill(self) -> None:
        """Kill the worker as the kernel would, and bring it back."""
        self.stage.stack.kill("worker")
        self.stage.stack.start("worker")
        self.happened["workers killed"] += 1
