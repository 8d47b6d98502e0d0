"""What must hold of a run, and what a broken invariant rests on."""

import asyncio

from msgspec.structs import replace

from marea.messages.envelope import Message
from marea.testing.market_examples import BAR, CLOCK, VECTOR
from marea.testing.trading_examples import SIGNAL
from services.standalone.inspection import LINEAGES_MAX, Breach, find_breaches
from services.standalone.words import Words
from tests.unit.standalone import day


def breaches(*trading: Message) -> list[Breach]:
    bus = day.on_logs(market=day.ON_MARKET, features=day.ON_FEATURES, trading=trading)
    found = asyncio.run(find_breaches(bus, Words("en")))
    return [each for each in found if each.violation.code == "ID_HAS_ONE_PAYLOAD"]


def test_breach_names_its_first_event_and_what_that_rests_on() -> None:
    (found,) = breaches(SIGNAL, replace(SIGNAL, score=0.75))
    assert found.violation.event == SIGNAL.id
    assert [step.id for step in found.lineage] == [CLOCK.id, BAR.id, VECTOR.id, SIGNAL.id]
    assert [step.is_subject for step in found.lineage] == [False, False, False, True]


def test_first_breaches_of_an_invariant_come_with_their_lineage_and_the_others_follow() -> None:
    many = [replace(SIGNAL, score=at / 100) for at in range(LINEAGES_MAX + 5)]
    found = breaches(*many)
    assert len(found) > LINEAGES_MAX
    assert all(each.lineage for each in found[:LINEAGES_MAX])
    assert not any(each.lineage for each in found[LINEAGES_MAX:])


def test_run_in_which_all_holds_has_no_breach() -> None:
    assert breaches(SIGNAL) == []
