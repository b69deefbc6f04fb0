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
    ("status", {"status": 500, "times": 2, "commit": True}),
    ("commit_then_reset", {"times": 1}),
    ("reset_before", {"times": 2}),
    ("slow", {"times": 4, "seconds": 2}),
    ("commit_then_hang", {"times": 1, "seconds": 3}),
    ("expired_token_once", {"times": 1}),
)
ORG_FAULTS = (*FAULTS, ("lock_row", {"times": 2}), ("item_lock", {"times": 2}), ("concurrent_limit", {"times": 1}))
# QuickBooks is not asked for a minute after it has said that it is asked too often: not more than twice a week.
THROTTLED = ("status", {"status": 429, "times": 1})
THROTTLINGS = 2
FAULTS_A_WEEK, DISTURBANCES_A_WEEK = 60, 40
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
        happenings = [("death", self.kills)]
        happenings += [("fault", FAULTS_A_WEEK), ("throttling", THROTTLINGS)] if self.faults else []
        happenings += [("hooks", DISTURBANCES_A_WEEK)] if self.hooks else []
        self._to_come = sorted(
            (self._rng.uniform(0.02, 0.95), what) for what, times in happenings for _ in range(times)
        )

    def begin(self) -> None:
        """Switch on what lasts the whole week."""
        if self.habits:
            self.stage.foreman.set(habits=HABITS)

    def change(self, share: float) -> None:
        """So much of the week is over: what was to happen by then happens."""
        acts = {"death": self._kill, "fault": self._break, "throttling": self._throttle, "hooks": self._disturb_hooks}
        while self._to_come and self._to_come[0][0] <= share:
            acts[self._to_come.pop(0)[1]]()

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

    def _throttle(self) -> None:
        kind, rule = THROTTLED
        self.stage.bookkeeper.fault(kind, path=BOOKS, **rule)
        self.happened["quickbooks throttled"] += 1

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
