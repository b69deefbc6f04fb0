"""Looks at orders by the shipped lifecycle, for tests of what brings them about."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine
from temporalio.client import Client

from activities.looking import LookingActivities
from activities.order import SettlingActivities
from activities.order_settlement import SettlingRules
from domain.lifecycle import Lifecycle
from tests.build import company

CONFIG = Path(__file__).resolve().parents[1] / "config"


def lifecycle() -> Lifecycle:
    """The lifecycle that is shipped."""
    return Lifecycle.parse((CONFIG / "lifecycle.toml").read_text(encoding="utf-8"))


def looking(engine: Engine, client: Client) -> LookingActivities:
    """The step that looks at marked orders."""
    return LookingActivities(client, SettlingActivities(engine, SettlingRules(company(), lifecycle())))
