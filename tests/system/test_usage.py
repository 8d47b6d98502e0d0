"""What the command says of itself, and to who asks for what there is not."""

import json
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.conftest import Marea
from tools import command

COMMANDS = ["demo", "up", "log", "replay", "doctor", "version"]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_each_command_shows_examples_of_it(name: str, marea: Marea) -> None:
    ended = marea(name, "--help", COLUMNS="100")
    assert ended.code == 0
    examples = ended.out.partition("Examples:")[2]
    assert examples.count(f"marea {name}") >= 2
    assert f"Usage: marea {name}" in ended.out


def test_help_lists_the_commands_and_the_exit_codes(marea: Marea) -> None:
    ended = marea("--help", COLUMNS="200")
    assert ended.code == 0
    assert all(name in ended.out for name in COMMANDS)
    assert "3 bad input" in ended.out
    assert "Begin with:  marea demo" in ended.out


def test_no_command_shows_the_help_and_is_a_mistake(marea: Marea) -> None:
    ended = marea(COLUMNS="200")
    assert ended.code == 2
    assert "Usage: marea [OPTIONS] COMMAND" in ended.out
    assert ended.err == "marea: Missing command. Add --help to see what there is.\n"


MISTAKES = [
    (["fly"], "No such command 'fly'"),
    (["demo", "--minute", "3"], r"No such option: --minute (Possible options: --minutes)"),
    (["demo", "--minutes", "0"], "'--minutes'"),
    (["demo", "--minutes", "soon"], "'--minutes'"),
    (["demo", "--minutes", "99999999999"], "'--minutes'"),
    (["demo", "--seed", "-1"], "'--seed'"),
    (["demo", "--tape"], "--tape"),
    (
        ["demo", "--tape", "a", "--seed", "1"],
        "--seed, --minutes and --crash are of the simulated market",
    ),
    (
        ["demo", "--tape", "a", "--minutes", "1"],
        "--seed, --minutes and --crash are of the simulated",
    ),
    (["demo", "--resume", "last", "--tape", "a"], "--resume takes all from the run"),
    (["demo", "--resume", "last", "--seed", "1"], "--resume takes all from the run"),
    (["demo", "--resume", "last", "--config", "a"], "--resume takes all from the run"),
    (["log"], "give RUN, or --source and --portfolio"),
    (["log", "last", "--limit", "0"], "'--limit'"),
]


@pytest.mark.parametrize(("arguments", "told"), MISTAKES)
def test_mistake_in_the_command_ends_with_2_and_is_named(
    arguments: list[str], told: str, marea: Marea, runs: Path
) -> None:
    ended = marea(*arguments, "--json") if arguments[-1] != "--tape" else marea(*arguments)
    assert ended.code == 2
    assert told in ended.err
    assert "Add --help" in ended.err
    if "--json" in ended.err or arguments[-1] != "--tape":
        error = json.loads(ended.out)
        assert error["exit"] == 2
        assert told in error["error"]
    assert not runs.exists()


def test_doctor_finds_nothing_to_mend_here(marea: Marea) -> None:
    told = marea("doctor", "--json")
    found = json.loads(told.out)
    assert (told.code, told.err, found["ok"]) == (0, "", True)
    shown = marea("doctor")
    assert shown.code == 0
    for each in found["checks"]:
        if each["check"] != "disk":  # others use it too
            assert each["found"] in shown.out


def test_doctor_names_what_is_wrong_and_what_mends_it(marea: Marea, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    told = marea(
        "doctor", "--config", tmp_path / "none", "--json", MAREA_RUNS=str(tmp_path / "file/a")
    )
    assert told.code == 1
    bad = {each["check"]: each for each in json.loads(told.out)["checks"] if not each["ok"]}
    assert bad.keys() == {"settings", "runs"}
    assert "which is no folder: name one with settings.yaml" in bad["settings"]["found"]
    assert "MAREA_RUNS" in bad["runs"]["remedy"]
    shown = marea("doctor", MAREA_RUNS=str(tmp_path / "file/a"))
    assert shown.code == 1
    assert "set MAREA_RUNS to a folder that you may write to" in shown.out


def test_version_says_build_and_platform(marea: Marea) -> None:
    facts = json.loads(marea("version", "--json").out)
    assert facts["build"].startswith("0.1.0+")
    shown = marea("version")
    assert (shown.code, shown.err) == (0, "")
    assert all(name in shown.out and value in shown.out for name, value in facts.items())


def test_reader_that_goes_away_ends_the_command_without_a_word(runs: Path) -> None:
    process = command.start(["version"], runs)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait() == -signal.SIGPIPE


@pytest.mark.parametrize("arguments", [["version"], ["version", "--json"], ["doctor"]])
def test_stdout_without_room_is_no_bug_and_a_closed_one_no_mistake(
    arguments: list[str], runs: Path
) -> None:
    program, variables = shlex.join([*command.PROGRAM, *arguments]), command.environment(runs)

    def ended(to: str) -> tuple[int, str]:
        shell = ["sh", "-c", f"exec {program} {to}"]
        done = subprocess.run(shell, env=variables, capture_output=True, check=False, text=True)
        return done.returncode, done.stderr

    told = "marea: stdout can't be written (No space left on device): make room, or send it elsewhere\n"
    assert ended(">/dev/full") == (4, told)
    assert ended(">&-") == (0, "")


def test_bug_is_called_one_and_reported_whole(marea: Marea, tmp_path: Path) -> None:
    """A kernel that fails is the one way to meet a bug from outside; it is put there by a path."""
    (tmp_path / "sitecustomize.py").write_text(
        "import marea.runtime.build\n"
        "def broken(): raise ZeroDivisionError('a bug')\n"
        "marea.runtime.build.platform_facts = broken\n"
    )
    path = f"{tmp_path}:{command.ROOT / 'libs/shared'}:{command.ROOT}"
    ended = marea("version", "--json", PYTHONPATH=path)
    assert ended.code == 70
    assert json.loads(ended.out) == {
        "error": "ZeroDivisionError: a bug; this is a bug, please report it",
        "exit": 70,
    }
    assert "Traceback" in ended.err


@pytest.mark.parametrize("is_on_the_path", [False, True])
def test_next_steps_can_be_called_as_they_stand(
    is_on_the_path: bool, tmp_path: Path, runs: Path
) -> None:
    program = tmp_path / "bin" / "marea"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable} -P\nfrom services.standalone.main import main\nmain()\n"
    )
    program.chmod(0o755)
    (program.parent / "activate").touch()
    path = f"{program.parent}:/usr/bin" if is_on_the_path else "/usr/bin"
    variables = command.environment(runs, {"PATH": path})
    out = subprocess.run(
        [program, "demo", "--minutes", "1"],
        env=variables,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    told = "" if is_on_the_path else f", after `. {program.parent}/activate`"
    assert f"\nNext{told}:\n" in out


def test_settings_that_make_no_run_leave_none_behind(marea: Marea, runs: Path) -> None:
    ended = marea("demo", "--minutes", "1", MAREA__SIGNALS__TRADES='["wieghted"]')
    assert (ended.code, runs.exists() and list(runs.iterdir())) == (3, False)
    assert "did you mean 'weighted'?" in ended.err
