"""Masters flow between the ERP, Salesforce and QuickBooks by who owns what; echoes and repeats change nothing."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from temporalio.testing import ActivityEnvironment

from activities.proving import ProvingActivities
from domain.exceptions import Cause, Choice
from domain.lifecycle import Lifecycle
from domain.links import LinkKind
from domain.master_work import MasterWork
from domain.merging import MergeInput, MergeOutcome, redecide
from domain.ownership_reading import read
from domain.proof import ProofWork
from domain.sources import System
from store import decisions, mastering, ownerships, reruns
from store.session import reading
from tests.activities.mastery import CUSTOMER, NAME, RULES, SKU, Died, Mastery
from tests.looks import CONFIG


@pytest.fixture
def met(mastery: Mastery) -> Mastery:
    """A company whose masters were seen once."""
    mastery.poll()
    for kind, key in mastery.marked():
        mastery.merge(kind, key)
    return mastery


def test_at_first_contact_everything_is_taken_as_it_stands_and_nothing_is_written(mastery: Mastery) -> None:
    """Feature G-B3."""
    mastery.rep_edits(Phone="404 555 0100")
    mastery.bookkeeper_edits(DisplayName="Brightwater (old name)", Taxable=False)
    pulled = mastery.poll()
    assert pulled.adopted == 4 + 2 + 2  # two customers and an item in both systems, and two terms in one
    assert mastery.marked() == set()
    mastery.merge()
    assert mastery.writes() == 0
    assert mastery.record().agreed["name"] == NAME
    assert mastery.in_quickbooks()["DisplayName"] == "Brightwater (old name)"


def test_what_the_erp_changes_reaches_both_systems(met: Mastery) -> None:
    assert met.state(met.stated_customer(name="Brightwater Supply")) == 1
    assert met.marked() == {(LinkKind.CUSTOMER, CUSTOMER)}
    met.merge()
    assert met.account()["Name"] == "Brightwater Supply"
    assert met.in_quickbooks()["DisplayName"] == "Brightwater Supply"


def test_the_echo_of_a_write_changes_nothing(met: Mastery) -> None:
    met.state(met.stated_customer(name="Brightwater Supply"))
    met.merge()
    before = met.writes()
    met.marked()
    assert met.poll().changed == 0
    assert met.marked() == set()
    with reading(met.engine) as session:
        read = mastering.versions(session, System.QUICKBOOKS, LinkKind.CUSTOMER, [CUSTOMER])
    assert read == {CUSTOMER: met.in_quickbooks()["SyncToken"]}
    met.merge()
    assert met.writes() == before


def test_what_is_set_back_after_a_write_is_news(met: Mastery) -> None:
    """A rep and a bookkeeper give the customer its old name again before anybody has looked."""
    met.state(met.stated_customer(name="Brightwater Supply"))
    met.merge()
    met.rep_edits(Name=NAME)
    met.bookkeeper_edits(DisplayName=NAME)
    met.marked()
    assert met.poll().changed == 2
    met.merge()
    assert met.account()["Name"] == met.in_quickbooks()["DisplayName"] == "Brightwater Supply"


def test_what_was_read_after_a_write_stands_when_the_write_is_kept(met: Mastery) -> None:
    met.state(met.stated_customer(name="Brightwater Supply"))
    with pytest.raises(Died):
        met.merge(dies="after write")
    met.bookkeeper_edits(DisplayName="Brightwater Inc")
    met.rep_edits(Name="Brightwater Ltd")
    met.poll()
    met._run(met.deciding.settle_master, MasterWork(kind=LinkKind.CUSTOMER, key=CUSTOMER))
    with reading(met.engine) as session:
        sides = mastering.sides(session, LinkKind.CUSTOMER, CUSTOMER)
    assert sides[System.QUICKBOOKS].stated["name"] == "Brightwater Inc"
    assert sides[System.SALESFORCE].stated["name"] == "Brightwater Ltd"
    assert met.marked() == {(LinkKind.CUSTOMER, CUSTOMER)}


def test_what_a_rep_changes_reaches_quickbooks(met: Mastery) -> None:
    met.rep_edits(Phone="(404) 555-0100")
    met.poll()
    assert met.marked() == {(LinkKind.CUSTOMER, CUSTOMER)}
    met.merge()
    assert met.in_quickbooks()["PrimaryPhone"] == {"FreeFormNumber": "(404) 555-0100"}


def test_what_others_change_of_the_erps_is_put_back(met: Mastery) -> None:
    """Case M5: renamed in QuickBooks; the record is known by its id, and gets the name that its owner gives it."""
    met.bookkeeper_edits(DisplayName="Brightwater Inc")
    met.rep_edits(BillingCity="Atlanta")
    met.poll()
    met.merge()
    assert met.in_quickbooks()["DisplayName"] == NAME
    assert met.account()["BillingCity"] == "Macon"


def test_parts_of_an_address_that_we_do_not_keep_stay(met: Mastery) -> None:
    met.bookkeeper_edits(BillAddr={"Line1": "x", "Line2": "Gate 4", "City": "Macon"})
    met.merge()
    address = met.in_quickbooks()["BillAddr"]
    assert (address["Line1"], address["Line2"]) == ("8404 Harbor St", "Gate 4")


def test_items_flow_with_their_price_as_one(met: Mastery) -> None:
    """Case M7: the item is known by its SKU, whatever it is called."""
    met.state(met.stated_item(description="Pipe, three eighths", list_price="13.25"))
    met.marked()
    met.merge(LinkKind.ITEM, SKU)
    in_books = met.in_quickbooks(LinkKind.ITEM, SKU)
    assert (in_books["Description"], str(in_books["UnitPrice"])) == ("Pipe, three eighths", "13.25")
    assert met.product()["Name"] == "Pipe, three eighths"


def test_a_price_or_terms_that_are_cleared_are_left_alone_in_quickbooks(met: Mastery) -> None:
    """An item without a price would cost nothing; the rest is written, the ledger says why, a new price counts."""
    met.state(met.stated_item(description="Pipe, three eighths", list_price=None))
    met.state(met.stated_customer(terms_code=None))
    for kind, key in met.marked():
        met.merge(kind, key)
    in_books = met.in_quickbooks(LinkKind.ITEM, SKU)
    assert (in_books["Description"], str(in_books["UnitPrice"])) == ("Pipe, three eighths", "12.5")
    assert met.in_quickbooks()["SalesTermRef"]["value"] == met.external_id(System.QUICKBOOKS, LinkKind.TERMS, "N30")
    with reading(met.engine) as session:
        said = [one.detail for one in mastering.writes_of(session, LinkKind.ITEM, SKU) if one.system == "quickbooks"]
    assert said == ["Without a value, left as it is there: price."]
    before = met.writes()
    for _ in range(2):
        met.merge(LinkKind.ITEM, SKU)
        met.merge()
    assert met.writes() == before
    assert met.open_work() == []
    for price in ("0", "13.25"):
        met.state(met.stated_item(description="Pipe, three eighths", list_price=price))
        met.merge(LinkKind.ITEM, SKU)
        assert str(met.in_quickbooks(LinkKind.ITEM, SKU)["UnitPrice"]) == price


def test_terms_are_written_by_their_link(met: Mastery) -> None:
    """Case E7."""
    met.state(met.stated_customer(terms_code="COD"))
    met.merge()
    wanted = met.external_id(System.QUICKBOOKS, LinkKind.TERMS, "COD")
    assert met.in_quickbooks()["SalesTermRef"]["value"] == wanted


def test_a_name_that_quickbooks_cannot_have_is_fitted_and_remembered(met: Mastery) -> None:
    """Case M8: a colon in a name; it is not written again and again."""
    met.state(met.stated_customer(name="Bright: Water"))
    met.merge()
    assert met.in_quickbooks()["DisplayName"] == "Bright- Water"
    before = met.writes()
    met.poll()
    met.merge()
    assert met.writes() == before


def test_what_was_changed_on_two_sides_in_different_fields_is_both_kept(met: Mastery) -> None:
    met.rep_edits(Phone="404 555 0100")
    met.state(met.stated_customer(name="Brightwater Supply"))
    met.merge()
    assert (met.account()["Name"], met.account()["Phone"]) == ("Brightwater Supply", "404 555 0100")
    assert met.in_quickbooks()["PrimaryPhone"] == {"FreeFormNumber": "404 555 0100"}


@pytest.mark.parametrize("dies", ["before write", "after write"])
def test_a_worker_that_dies_around_a_write_leaves_nothing_behind(met: Mastery, dies: str) -> None:
    """The next one finds its predecessor's writes and takes them for what they are, though the owner moved on."""
    met.state(met.stated_customer(name="Brightwater Two"))
    with pytest.raises(Died):
        met.merge(dies=dies)
    met.state(met.stated_customer(name="Brightwater Three"))
    assert met.merge().waiting == 0
    assert met.account()["Name"] == met.in_quickbooks()["DisplayName"] == "Brightwater Three"
    assert met.open_work() == []
    with reading(met.engine) as session:
        assert mastering.unended(session, LinkKind.CUSTOMER, CUSTOMER) == []
    before = met.writes()
    met.poll()
    met.merge()
    assert met.writes() == before


def test_a_write_that_is_done_twice_is_done_once(met: Mastery) -> None:
    met.state(met.stated_customer(name="Brightwater Supply"))
    work = MasterWork(kind=LinkKind.CUSTOMER, key=CUSTOMER)
    met.read(work)
    decided = met._run(met.deciding.decide_master, work)
    for _ in range(2):
        for system, write_id in decided.writes.items():
            met.write(system, write_id)
    assert met.writes() == 2
    for _ in range(2):
        met._run(met.deciding.settle_master, work)
    assert met.merge().writes == {}


@pytest.mark.parametrize("kind", ["commit_then_reset", "commit_then_hang"])
def test_a_write_whose_answer_is_lost_is_read_again_and_decided_again(met: Mastery, kind: str) -> None:
    """Case E13, of masters."""
    met.books.fault(kind, path="/customer", times=1, **({"seconds": 4} if kind.endswith("hang") else {}))
    met.state(met.stated_customer(name="Brightwater Supply"))
    met.merge()
    met.books.clear_faults()
    assert met.in_quickbooks()["DisplayName"] == "Brightwater Supply"
    assert met.open_work() == []


def test_a_record_that_changes_between_reading_and_writing_is_read_again(met: Mastery) -> None:
    """QuickBooks' 5010: somebody gave the customer a phone meanwhile; both changes stand."""
    met.state(met.stated_customer(name="Brightwater Supply"))
    work = MasterWork(kind=LinkKind.CUSTOMER, key=CUSTOMER)
    met.read(work)
    decided = met._run(met.deciding.decide_master, work)
    met.bookkeeper_edits(PrimaryPhone={"FreeFormNumber": "404 555 0199"})
    assert met.write(System.QUICKBOOKS, decided.writes[System.QUICKBOOKS]).stale
    met.merge()
    assert met.in_quickbooks()["DisplayName"] == "Brightwater Supply"
    assert met.account()["Phone"] == "404 555 0199"


def test_a_decision_is_kept_with_its_inputs_and_comes_out_the_same_again(met: Mastery) -> None:
    """Features G-C7 and G-C8."""
    met.rep_edits(Phone="404 555 0100")
    met.bookkeeper_edits(PrimaryPhone={"FreeFormNumber": "404 555 0199"})
    met.merge()
    with reading(met.engine) as session:
        kept = [one for one in decisions.of_record(session, "customer", CUSTOMER) if one.kind == "master_merge"]
        rules = {one.policy_version: ownerships.get(session, one.policy_version) for one in kept}
    assert len(kept) >= 2
    for one in kept:
        again = redecide(MergeInput.model_validate(one.inputs), rules[one.policy_version])
        assert again == MergeOutcome.model_validate(one.outcome)
    other = read(RULES.replace('owner = "salesforce"\ntakes_from', 'owner = "quickbooks"\ntakes_from'))
    assert redecide(MergeInput.model_validate(kept[-1].inputs), other).agreed["phone"] == "404 555 0199"
    assert met.in_quickbooks()["PrimaryPhone"]["FreeFormNumber"] == "404 555 0100"


def test_merges_and_those_under_way_are_made_again_every_night(met: Mastery) -> None:
    """G-C8: a merge whose writes have not come to their end, and those that are kept, each under its own rules."""
    met.rep_edits(Phone="404 555 0100")
    met.merge()
    met.rule(read(RULES.replace("times = 3", "times = 4")))  # a worker with other rules that keeps none yet
    met.state(met.stated_customer(name="Brightwater Supply"))
    work = MasterWork(kind=LinkKind.CUSTOMER, key=CUSTOMER)
    met.read(work)
    assert met._run(met.deciding.decide_master, work).writes
    proving = ProvingActivities(met.engine, Lifecycle.parse((CONFIG / "lifecycle.toml").read_text(encoding="utf-8")))
    proved = ActivityEnvironment().run(proving.prove_decisions, ProofWork())
    with reading(met.engine) as session:
        kept = len(reruns.again(session, "master_merge", None, limit=99).items)
        (plan,) = reruns.again(session, "master_plan", None, limit=99).items
    assert (proved.checked, proved.differ) == (kept + 1, 0)
    assert (kept > 0, plan.record_key, plan.same) == (True, CUSTOMER, True)
    with met.engine.begin() as connection:
        connection.execute(text("UPDATE master_plans SET outcome = jsonb_set(outcome, '{fields,0,value}', '\"X\"')"))
    proved = ActivityEnvironment().run(proving.prove_decisions, ProofWork())
    assert proved.differ == 1
    met.merge()
    assert met.open_work() == []


def test_a_decision_that_is_settled_under_other_rules_keeps_its_own(met: Mastery) -> None:
    """Feature G-C8: a restart with edited rules between writing and keeping; only what was decided by is kept."""
    met.rule(read(RULES + "# edited\n"))
    decided_by = met.rules.ownership.version
    met.state(met.stated_customer(name="Brightwater Supply"))
    with pytest.raises(Died):
        met.merge(dies="after write")
    met.rule(read(RULES + "# edited again\n"))
    met._run(met.deciding.settle_master, MasterWork(kind=LinkKind.CUSTOMER, key=CUSTOMER))
    with reading(met.engine) as session:
        kept = [one for one in decisions.of_record(session, "customer", CUSTOMER) if one.kind == "master_merge"]
        assert ownerships.versions(session)[-1] == decided_by
        rules = ownerships.get(session, decided_by)
    (one,) = [one for one in kept if one.policy_version == decided_by]
    assert redecide(MergeInput.model_validate(one.inputs), rules) == MergeOutcome.model_validate(one.outcome)
    assert met.rules.ownership.version != decided_by


def test_what_a_system_owns_instead_of_the_erp_stands_in_the_canonical_store(mastery: Mastery) -> None:
    """Sales owns the address; the ERP goes on to state the old one, which is no news."""
    of_sales = RULES.replace(
        '[customer.bill_to]                      # street, city, state and postal code merge as one\nowner = "erp"',
        '[customer.bill_to]\nowner = "salesforce"\ntakes_from = ["salesforce", "erp"]',
    )
    mastery.rule(read(of_sales))
    mastery.poll()
    mastery.rep_edits(BillingCity="Atlanta")
    mastery.merge()
    assert mastery.canonical().bill_to.city == "Atlanta"
    assert mastery.in_quickbooks()["BillAddr"]["City"] == "Atlanta"
    assert mastery.state(mastery.stated_customer(credit_limit="9000")) == 1
    assert (mastery.canonical().bill_to.city, str(mastery.canonical().credit_limit)) == ("Atlanta", "9000")
    moved = mastery.stated_customer()
    mastery.state(moved.model_copy(update={"bill_to": moved.bill_to.model_copy(update={"city": "Reno"})}))
    mastery.merge()
    assert (mastery.canonical().bill_to.city, mastery.account()["BillingCity"]) == ("Reno", "Reno")


def test_a_change_of_money_in_quickbooks_alone_waits_for_a_person(met: Mastery) -> None:
    met.bookkeeper_edits(Taxable=False)
    met.poll()
    assert met.merge().waiting == 1
    (item,) = met.open_work()
    assert (item.cause, item.record_key) == (Cause.MASTER_CONFLICT, f"customer/{CUSTOMER}/tax_exempt")
    assert met.canonical().tax_exempt is False
    met.decide(item.id, Choice.TAKE_SYSTEM, "quickbooks")
    assert met.merge().waiting == 0
    assert met.canonical().tax_exempt is True
    assert met.open_work() == []


def test_the_erp_is_heard_though_it_first_states_what_is_agreed_already(met: Mastery) -> None:
    """A person took QuickBooks' yes; the ERP says yes, too, which changes nothing here, and then no, which is news."""
    met.bookkeeper_edits(Taxable=False)
    met.merge()
    (item,) = met.open_work()
    met.decide(item.id, Choice.TAKE_SYSTEM, "quickbooks")
    met.merge()
    met.marked()
    for says in (True, False):
        met.state(met.stated_customer(tax_exempt=says))
        assert met.marked() == {(LinkKind.CUSTOMER, CUSTOMER)}
        assert met.merge().waiting == 0
        assert met.canonical().tax_exempt is says
        assert met.in_quickbooks()["Taxable"] is not says
        assert met.state(met.stated_customer(tax_exempt=says)) == 0
        assert met.marked() == set()
