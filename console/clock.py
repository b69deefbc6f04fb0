"""Times as people of the company say and read them: in its zone, which stands in `company.toml`."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from console.output import usage_error
from console.plan import COMPANY_FILE
from runtime.settings import load_settings


class Clock:
    """The company's clock; in UTC where `company.toml` is not on this machine, because the API runs elsewhere."""

    def __init__(self, zone: ZoneInfo | None) -> None:
        self._zone = zone

    @classmethod
    def of_company(cls) -> Clock:
        """The clock of the company whose folder the settings name."""
        path = load_settings().config_dir / COMPANY_FILE
        try:
            return cls(ZoneInfo(tomllib.loads(path.read_text(encoding="utf-8"))["timezone"]))
        except (OSError, KeyError, ValueError):
            return cls(None)

    def say(self, at: str | None) -> str | None:
        """A time of the API with the zone's name."""
        if at is None:
            return None
        return datetime.fromisoformat(at).astimezone(self._zone or UTC).strftime("%Y-%m-%d %H:%M %Z")

    def read(self, text: str, now: datetime) -> datetime:
        """The instant that a person means: a time of today, a date and time, or ISO 8601 with its zone.

        Without a zone it is the company's. Raises typer.Exit (2) for anything else.
        """
        try:
            given = datetime.fromisoformat(text)
        except ValueError:
            given = self._today_at(text, now)
        if given.tzinfo is not None:
            return given
        if self._zone is None:
            raise usage_error(f"{text} lacks a zone and company.toml is not here: write 2026-11-25T10:04:00-05:00.")
        return given.replace(tzinfo=self._zone)

    def _today_at(self, text: str, now: datetime) -> datetime:
        try:
            of_day = time.fromisoformat(text)
        except ValueError:
            raise usage_error(f"{text} is no time: write 10:04, '2026-11-25 10:04' or 2026-11-25T10:04:00Z.") from None
        return datetime.combine(now.astimezone(self._zone or UTC).date(), of_day)
