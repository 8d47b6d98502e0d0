"""What a process makes of its arguments, and when it ends by itself."""

import asyncio

import pytest

from marea.errors import Unavailable
from marea.runtime.process import STUCK_LOOKS_MAX, arguments, end_if_stuck


@pytest.mark.parametrize("port", ["99999", "-1", "http"])
def test_port_that_is_none_is_refused_by_its_name_and_value(
    port: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        arguments("risk", [f"--port={port}"])
    assert ended.value.code == 2
    assert (
        f"argument --port: '{port}' is no port: write 0 (any) to 65535" in capsys.readouterr().err
    )


@pytest.mark.parametrize("name", ["", "a b", "a/b", "ä"])
def test_instance_without_a_proper_name_is_refused(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        arguments("risk", ["--instance", name])
    assert ended.value.code == 2
    told = f"argument --instance: '{name}' is no name: write letters, digits, dots, hyphens and"
    assert told in capsys.readouterr().err


def test_port_may_be_any_free_one() -> None:
    assert arguments("risk", ["--port", "0"]).port == 0


def test_process_whose_loop_is_stuck_ends_to_be_started_anew() -> None:
    with pytest.raises(Unavailable, match=r"no turn has ended for 61 s: start it anew"):
        asyncio.run(end_if_stuck(lambda: "no turn has ended for 61 s", 0.001))


class LookedEnoughError(Exception):
    """Whoever looks on has seen what it wanted."""


def test_process_that_was_paused_goes_on() -> None:
    looks: list[str] = []

    def because() -> str:
        if len(looks) == 3 * STUCK_LOOKS_MAX:
            raise LookedEnoughError
        looks.append("late" if len(looks) % STUCK_LOOKS_MAX < STUCK_LOOKS_MAX - 1 else "")
        return looks[-1]

    with pytest.raises(LookedEnoughError):
        asyncio.run(end_if_stuck(because, 0.001))
