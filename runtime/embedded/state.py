"""The state file of a running stack: who runs it, since when, where its services answer."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

import psutil  # type: ignore[import-untyped]
from pydantic import BaseModel, ConfigDict, Field, ValidationError

STATE_FILE: Final = "stack.json"
# The kernel and our clock round a process's start differently.
SAME_START_SECONDS: Final = 2.0


class ProcessMark(BaseModel):
    """A process that cannot be confused with a later one under the same number."""

    model_config = ConfigDict(frozen=True)

    name: str
    pid: int
    born: float = Field(description="seconds since the epoch, as the kernel tells it")

    @classmethod
    def of(cls, name: str, pid: int) -> ProcessMark:
        """Mark a living process; raises psutil.NoSuchProcess."""
        return cls(name=name, pid=pid, born=psutil.Process(pid).create_time())

    def alive(self) -> bool:
        """Whether that very process still runs (a zombie does not)."""
        try:
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.born) > SAME_START_SECONDS:
                return False
            return bool(process.status() != psutil.STATUS_ZOMBIE)
        except psutil.Error:
            return False


class StackState(BaseModel):
    """What `stack.json` says."""

    model_config = ConfigDict(frozen=True)

    owner: ProcessMark
    started_at: datetime
    addresses: Mapping[str, str] = {}
    processes: tuple[ProcessMark, ...] = ()

    def describe(self) -> str:
        """Who runs, since when and where, in one text for a person."""
        lines = [f"process {self.owner.pid}, since {self.started_at.astimezone():%Y-%m-%d %H:%M:%S %Z}"]
        lines += [f"{name}: {address}" for name, address in self.addresses.items()]
        return "\n".join(lines)


def state_path(data_dir: Path) -> Path:
    """Where the state file of a data folder lies."""
    return data_dir / STATE_FILE


def read_state(data_dir: Path) -> StackState | None:
    """What the file says, true or stale; None when there is none or it was cut off by a crash."""
    try:
        return StackState.model_validate_json(state_path(data_dir).read_bytes())
    except (OSError, ValidationError):
        return None


def write_state(data_dir: Path, state: StackState) -> None:
    """Replace the file in one step, readable by its owner only."""
    target = state_path(data_dir)
    draft = target.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(state.model_dump_json(indent=2) + "\n", encoding="utf-8")
    os.replace(draft, target)  # noqa: PTH105 (one name for the atomic step)


def running_stack_state(data_dir: Path) -> StackState | None:
    """The state of the stack that runs on this data folder now, or None."""
    state = read_state(data_dir)
    return state if state is not None and state.owner.alive() else None
