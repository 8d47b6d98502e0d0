"""Services as children of a process, where no server runs: how they end, and who begins again."""

import signal
import time
from pathlib import Path

import pytest

from marea.errors import BadInput, Unavailable
from services.standalone.board import Board, Row
from services.standalone.child import Child
from services.standalone.fleet import Fleet
from services.standalone.vitals import vitals_at
from tools import command

WAIT_S = 120
NOBODY = {"MAREA__KAFKA__SERVERS": "127.0.0.1:9"}


def fleet_of(folder: Path, **settings: str) -> Fleet:
    return Fleet(command.environment(folder, NOBODY | settings), None, folder / "logs")


def await_end(child: Child) -> None:
    until_s = time.monotonic() + WAIT_S
    while child.is_running:
        assert time.monotonic() < until_s, f"{child.name} runs on"
        time.sleep(0.05)


def row_of(child: Child) -> Row:
    place = child.start.place
    return Board().row(place, vitals_at(place), 0.0, child)


def test_service_without_its_servers_says_why_it_ended_and_is_started_again(tmp_path: Path) -> None:
    with fleet_of(tmp_path) as fleet:
        child = fleet.start("risk")
        assert row_of(child).state == "starts"
        with pytest.raises(Unavailable, match=r"risk-a has ended \(4\) Unavailable: Kafka"):
            fleet.wait_ready(WAIT_S)
        assert row_of(child).state == "ended"
        first, port = child.pid, child.start.place.port
        until_s = time.monotonic() + WAIT_S
        while not (started := fleet.keep_up()):
            assert time.monotonic() < until_s
        assert started == [child]
        assert (child.pid != first, child.restarts, child.start.place.port) == (True, 1, port)
        row = row_of(child)
        assert (row.state, row.restarts) == ("starts", 1)
        assert row.last_error.startswith("(4) Unavailable: Kafka: connecting")


def test_service_whose_settings_can_not_be_used_is_left_alone(tmp_path: Path) -> None:
    with fleet_of(tmp_path, MAREA_S3_KEY=" key") as fleet:
        child = fleet.start("paper")
        await_end(child)
        for _ in range(3):
            assert fleet.keep_up() == []
        row = row_of(child)
        assert (row.state, row.exit_code, row.restarts) == ("left alone", 3, 0)
        assert row.last_error == (
            "(3) MAREA_S3_KEY has white space around it (not shown): set it without"
        )


def test_service_that_hangs_is_not_ready_and_can_still_be_ended(tmp_path: Path) -> None:
    with fleet_of(tmp_path) as fleet:
        first, second = fleet.start("signals"), fleet.start("signals", "b")
        assert first.start.place.port != second.start.place.port
        for child in (first, second):
            child.send(signal.SIGSTOP)
        assert fleet.health() == {("signals", "a"): None, ("signals", "b"): None}
        with pytest.raises(
            Unavailable, match=r"not ready after 0 s: signals-a: it does not answer"
        ):
            fleet.wait_ready(0)
        first.kill()
        assert fleet.stop() == {("signals", "a"): -9, ("signals", "b"): -15}


def test_fleet_of_settings_that_can_not_be_used_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"kafka\.timeout_s is 'soon': write a number"):
        fleet_of(tmp_path, MAREA__KAFKA__TIMEOUT_S="soon")


def test_venue_listens_where_the_services_of_its_fleet_look_for_it(tmp_path: Path) -> None:
    with fleet_of(tmp_path) as fleet:
        venue, caller = fleet.start("paper"), fleet.start("execution")
        told = caller.start.environment["MAREA__PAPER_URL"]
        assert told == f"http://127.0.0.1:{venue.start.place.port}"
    with fleet_of(tmp_path, MAREA__PAPER_URL="http://10.0.0.1:80") as fleet:
        caller = fleet.start("execution")
        assert caller.start.environment["MAREA__PAPER_URL"] == "http://10.0.0.1:80"
