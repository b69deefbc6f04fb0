"""The stock rules of company.toml become policies: quiet times in the company's zone, a version that names them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from domain.company import Company
from domain.freshness import age
from domain.stock_rules import KitRules, StockRules, kits_of

ZONE = ZoneInfo("America/New_York")


def test_a_night_in_the_companys_zone_ages_nothing_even_over_the_change_of_clocks() -> None:
    """Cases I7, F14: from 22:00 on Saturday to 05:00 on Sunday are eight hours when the clocks go back."""
    rules = StockRules.model_validate({"feed": {"quiet_hours": [{"starts": "22:00", "ends": "05:00"}]}})
    evening = datetime(2026, 10, 31, 21, 30, tzinfo=ZONE).astimezone(UTC)
    morning = datetime(2026, 11, 1, 5, 30, tzinfo=ZONE).astimezone(UTC)
    assert morning - evening == timedelta(hours=9)
    assert age(evening, morning, rules.schedule(ZONE, morning)) == timedelta(hours=1)


def test_sundays_and_holidays_are_quiet_as_a_whole() -> None:
    rules = StockRules.model_validate({"feed": {"quiet_days": ["sunday"], "holidays": ["2026-11-26"]}})
    saturday = datetime(2026, 11, 21, 23, 0, tzinfo=ZONE).astimezone(UTC)
    assert age(saturday, saturday + timedelta(hours=26), rules.schedule(ZONE, saturday)) == timedelta(hours=2)
    thanksgiving = datetime(2026, 11, 26, 8, 0, tzinfo=ZONE).astimezone(UTC)
    assert age(thanksgiving, thanksgiving + timedelta(hours=5), rules.schedule(ZONE, thanksgiving)) == timedelta(0)


def test_a_changed_rule_is_another_policy_under_the_same_version() -> None:
    before = StockRules(version="2026-11")
    after = StockRules.model_validate({"version": "2026-11", "buffer": {"units": "2"}})
    assert before.named_version != after.named_version
    assert before.named_version == StockRules(version="2026-11").named_version
    assert after.promises(ZONE, datetime.now(UTC)).version == after.named_version


def test_buckets_are_sold_from_as_the_distributor_says() -> None:
    """Case I10."""
    policy = StockRules.model_validate({"sellable": {"consigned": True}}).guards()
    assert policy.sellable == {"sellable": True, "quarantined": False, "damaged": False, "consigned": True}


def test_a_kit_of_nothing_is_refused() -> None:
    """Case O13."""
    kits = kits_of({"KIT": KitRules(parts={"BOLT": Decimal(2)})})
    assert kits["KIT"].per_kit() == {"BOLT": Decimal(2)}
    with pytest.raises(ValidationError, match="more than nothing"):
        KitRules(parts={"BOLT": Decimal(0)})


def test_unknown_rules_are_refused_at_start() -> None:
    text = 'code="X"\nname="X"\ntimezone="UTC"\nterms={}\nwarehouses={}\n[billing]\nversion="1"\n[stock]\nbufer=1\n'
    with pytest.raises(ValidationError, match="bufer"):
        Company.parse(text)
