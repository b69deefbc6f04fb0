"""What people do in a browser: resolve a conflict, decide many with a preview, search, see what happens as it does."""

from __future__ import annotations

import re
from collections.abc import Callable
from time import monotonic

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlmodel import Session

from domain.exceptions import Cause, Choice, ExceptionKind
from store import exceptions, files
from tests import build
from tests.api import filling
from tests.browser.room import PASSWORD, Room

pytestmark = pytest.mark.proof  # a browser takes both cores for minutes

LIVE_SECONDS = 2.0

expect.set_options(timeout=15_000)  # a machine may be busy with other tests


def test_somebody_signs_in_and_out(browser: Browser, room: Room) -> None:
    context = browser.new_context(base_url=room.url)
    page = context.new_page()
    page.goto("/ui/invoices")
    page.get_by_label("Name").fill("vera")
    page.get_by_label("Password").fill("not my password at all")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("do not belong together")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{room.url}/ui/invoices")
    page.get_by_role("button", name="Sign out").click()
    page.goto("/ui/invoices")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    context.close()


@pytest.mark.parametrize("address", ["/", "/ui/feed"])
def test_what_happens_is_on_the_page_within_two_seconds(page: Page, room: Room, address: str) -> None:
    """Feature G-I5: the overview and the feed show it by themselves, each thing once. The best of three counts."""
    page.goto(address)
    page.wait_for_timeout(1500)  # the stream is open by now
    took = [_seconds_until_shown(page, room, f"LIVE{len(address)}{n}") for n in range(3)]
    assert min(took) < LIVE_SECONDS


def _seconds_until_shown(page: Page, room: Room, number: str) -> float:
    with room.write() as session:
        filling.confirmed(session, build.shipment(number=number))  # type: ignore[arg-type]
    begun = monotonic()
    row = page.locator("#feed li").filter(has_text=f"Shipment {number} of order SO1 arrived.")
    expect(row).to_be_visible()
    took = monotonic() - begun
    expect(row).to_have_count(1)
    return took


def test_a_conflict_is_resolved_by_taking_one_system_s_value(page: Page, room: Room) -> None:
    page.goto("/ui/exceptions?cause=master_conflict")
    page.locator("td.sentence a").first.click()
    row = page.locator("table.sides tbody tr").filter(has_text="name").first
    expect(row.locator("td.apart")).to_have_count(4)
    expect(row).to_contain_text("Brightwater Plumbing & Heating")
    page.get_by_label(re.compile("Take what Salesforce has")).check()
    page.get_by_label("Reason").first.fill("They renamed themselves, the contract says so")
    page.get_by_role("button", name="Decide").click()
    expect(page.get_by_role("status")).to_contain_text("Decided")
    expect(page.locator(".said").nth(1)).to_contain_text("oskar decided take system (salesforce)")
    page.goto("/ui/exceptions?cause=master_conflict")
    expect(page.get_by_text("Nothing here")).to_be_visible()


def test_many_are_decided_alike_after_a_preview(page: Page, room: Room) -> None:
    """Ticked ones first, then all of a cause; what does not offer the choice is told, and nothing is done to it."""
    with room.write() as session:
        ids = _dead_letters(session)  # type: ignore[arg-type]
    page.goto("/ui/exceptions?cause=doc_number_taken&order=newest")
    for box in page.locator("tbody input[type=checkbox]").all():
        box.check()
    page.get_by_text("Decide the ticked ones alike").click()
    form = page.locator("form", has=page.get_by_text("Decide the ticked ones alike"))
    form.get_by_role("combobox").select_option("retry")
    form.get_by_label("Reason").fill("The number is free again")
    form.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("2 of 3 would be decided. Nothing was done yet.")).to_be_visible()
    expect(page.get_by_text("retry is no choice for this exception")).to_be_visible()
    assert _states(room, ids) == ["open"] * 3
    page.get_by_role("button", name="Decide all 3").click()
    expect(page.get_by_text("2 of 3 were decided.")).to_be_visible()
    assert sorted(_states(room, ids)) == ["open", "resolved", "resolved"]


def test_a_dead_letter_is_edited_and_retried(page: Page, room: Room) -> None:
    """Its bad line is put right where it stands; the copy is read, and says what was changed."""
    with room.write() as session:
        (file_id,) = [one.id for one in files.page(session, layout="shpcnf").items if one.reject_count]  # type: ignore[arg-type]
        item = filling.exception(
            session,  # type: ignore[arg-type]
            str(file_id),
            record_type="file",
            cause=Cause.FILE_ROWS_REFUSED,
            kind=ExceptionKind.DEAD_LETTER,
            choices=(Choice.HANDLED,),
            stake=None,
        )
    page.goto(f"/ui/exceptions/{item}")
    page.get_by_role("link", name="Put its lines right and read it again").click()
    bad = page.get_by_label("Line 4", exact=True)
    before = bad.input_value()
    bad.fill(before.replace("12A", "120"))
    page.get_by_label("Reason").fill("The warehouse says 120")
    page.get_by_role("button", name="Read it again with these lines").click()
    expect(page.get_by_role("status")).to_contain_text("The copy with these lines is read now")
    expect(page.locator("del")).to_have_text(before)
    expect(page.locator("ins")).to_have_text(before.replace("12A", "120"))
    page.goto(f"/ui/exceptions/{item}")
    expect(page.locator(".said")).to_contain_text("oskar decided handled")


def test_anything_is_found_by_its_number(page: Page) -> None:
    found = {
        "SH5504105": "/ui/shipments/SH5504105",
        "SO104105": "/ui/orders/SO104105",
        "PO-77005": "/ui/orders/SO104105",
        "NUT/3-8": "/ui/stock/NUT%2F3-8",
        "00000099": "/ui/orders?customer_number=00000099",
        "1405": "/ui/invoices/SH5504105",
    }
    page.goto("/")
    for words, address in found.items():
        page.get_by_role("searchbox").fill(words)
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile(re.escape(address) + "$"))


def test_the_search_answers_while_somebody_types(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("/")
    page.keyboard.type("SH55041")
    expect(page.locator("#found a").first).to_have_text("SH5504100")
    page.keyboard.press("Escape")
    expect(page.locator("#found a")).to_have_count(0)


def test_a_page_is_reached_and_used_by_keys_alone(page: Page, room: Room) -> None:
    page.goto("/ui/exceptions")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="To the content")).to_be_focused()
    page.locator("td.sentence a").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("h2", has_text="Why it waits")).to_be_visible()


def test_a_decision_works_without_script(windows: Callable[..., BrowserContext], room: Room) -> None:
    with room.write() as session:
        item = filling.exception(session, "SH-PLAIN")  # type: ignore[arg-type]
    page = windows("oskar", java_script_enabled=False).new_page()
    page.goto(f"/ui/exceptions/{item}")
    page.get_by_label("Do not bill").check()
    page.get_by_label("Reason").first.fill("a sample, free of charge")
    page.get_by_role("button", name="Decide").click()
    expect(page.get_by_role("status")).to_contain_text("Decided")


def test_an_admin_lets_somebody_in(windows: Callable[..., BrowserContext]) -> None:
    page = windows("adele").new_page()
    page.goto("/ui/people")
    page.get_by_label("Name", exact=True).fill("newcomer")
    page.get_by_label("First password").fill("twelve and some more")
    page.get_by_role("button", name="Let them in").click()
    expect(page.get_by_role("status")).to_contain_text("They can sign in now")
    page.get_by_role("button", name="Disable newcomer").click()
    expect(page.get_by_role("row", name=re.compile("newcomer"))).to_contain_text("disabled")


def test_the_chart_is_drawn_from_the_numbers_of_the_page(page: Page) -> None:
    page.goto("/ui/latency")
    expect(page.locator(".chart canvas")).to_be_visible()
    expect(page.locator(".chart .u-legend")).to_contain_text("promise")


def _dead_letters(session: Session) -> list[str]:
    cause, plain, other = Cause.DOC_NUMBER_TAKEN, (Choice.RETRY, Choice.DO_NOT_BILL), (Choice.DO_NOT_BILL,)
    return [
        filling.exception(session, f"SH-MANY{n}", cause=cause, choices=choices)
        for n, choices in enumerate((plain, plain, other))
    ]


def _states(room: Room, ids: list[str]) -> list[str]:
    with room.write() as session:
        return [str(exceptions.get(session, one).state) for one in ids]  # type: ignore[arg-type, union-attr]
