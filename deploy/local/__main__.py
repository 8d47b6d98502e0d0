"""Servers on this machine, without containers: `python -m deploy.local up`."""

import argparse
import json
import os
import select
import shutil
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from deploy.local import builds, ports
from deploy.local.errors import ServerAway
from deploy.local.servers import FIXED, SERVERS, USUAL, Servers, Status

AWAY = 4
"""The exit of a command that something outside stands in the way of."""

PORT_MAX = 65_535
PID_MAX = 2**22
"""Linux gives no higher number."""


def main() -> None:
    """Do what the words ask."""
    asked = _parser().parse_args()
    if not sys.platform.startswith("linux"):
        sys.exit("servers without containers run on Linux only: start a docker engine instead")
    try:
        asked.action(asked)
    except ServerAway as why:
        _say(str(why))
        sys.exit(AWAY)
    except OSError as why:
        _say(f"{why}: see to its rights and to room, or name another folder (--state, --data)")
        sys.exit(AWAY)


def _up(asked: argparse.Namespace) -> None:
    servers = _servers(asked)
    names = asked.name or USUAL
    if asked.port:
        servers.move(dict(asked.port))
    builds.install([build for name in names if (build := SERVERS[name].build)], _say)
    servers.up(*names, data=dict(asked.data))
    _show([servers.status(name) for name in names], asked)


def _down(asked: argparse.Namespace) -> None:
    if asked.after:
        _wait_for_end(asked.after)
    servers = _servers(asked)
    if not servers.folder.exists():
        return
    servers.down(*(asked.name or SERVERS))
    if asked.remove:
        shutil.rmtree(servers.folder)


def _restart(asked: argparse.Namespace) -> None:
    servers = _servers(asked)
    for name in asked.name:
        servers.restart(name)
    _show([servers.status(name) for name in asked.name], asked)


def _kill(asked: argparse.Namespace) -> None:
    for name in asked.name:
        _servers(asked).kill(name)


def _ps(asked: argparse.Namespace) -> None:
    every = [_servers(asked).status(name) for name in SERVERS]
    _show([one for one in every if one.name in USUAL or one.state != "down"], asked)


def _install(asked: argparse.Namespace) -> None:
    builds.install([builds.BUILDS[name] for name in asked.name or builds.BUILDS], _say)


def _servers(asked: argparse.Namespace) -> Servers:
    draw = (lambda: ports.free(FIXED)) if asked.ports == "free" else (lambda: FIXED)
    return Servers(asked.state, draw, _say)


def _one_of(known: Collection[str]) -> Callable[[str], str]:
    """Reads a name that is known."""

    def read(word: str) -> str:
        if word not in known:
            raise ArgumentTypeError(f"'{word}' is none of {', '.join(known)}: name one of them")
        return word

    return read


def _port(word: str) -> tuple[str, int]:
    name, _, number = word.partition("=")
    if not number.isdecimal() or not 0 < int(number) <= PORT_MAX:
        raise ArgumentTypeError(f"'{word}' names no port: write NAME=NUMBER, of 1 to {PORT_MAX}")
    return _one_of(FIXED)(name), int(number)


def _data(word: str) -> tuple[str, Path]:
    name, _, folder = word.partition("=")
    if not folder:
        raise ArgumentTypeError(f"'{word}' names no folder: write NAME=FOLDER")
    return _one_of(SERVERS)(name), Path(folder)


def _pid(word: str) -> int:
    if not word.isdecimal() or not 0 < int(word) <= PID_MAX:
        raise ArgumentTypeError(f"'{word}' is no process: write its number")
    return int(word)


def _wait_for_end(pid: int) -> None:
    """Return when a process that isn't ours has ended."""
    try:
        other = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    select.select([other], [], [])
    os.close(other)


def _show(every: Sequence[Status], asked: argparse.Namespace) -> None:
    if asked.json:
        told = {one.name: one._asdict() | {"data": str(one.data)} for one in every}
        print(json.dumps(told, indent=1))
        return
    rows = [("server", "state", "address", "pid", "MB")]
    rows += [
        (one.name, one.state, one.address, str(one.pid or ""), str(one.memory_mb or ""))
        for one in every
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(map(str.ljust, row, widths)).rstrip())


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description=__doc__)
    state = Path(os.environ.get("MAREA_SERVERS", builds.ROOT / ".cache" / "state"))
    parser.add_argument("--state", type=Path, default=state, help="where servers and data stand")
    parser.add_argument("--json", action="store_true", help="print one object in place of a table")
    parser.set_defaults(ports="fixed")
    actions = parser.add_subparsers(required=True, metavar="up|down|restart|kill|ps|install")

    up = actions.add_parser("up", help=f"start servers ({', '.join(USUAL)}, unless named)")
    up.add_argument("name", nargs="*", type=_one_of(SERVERS), metavar="NAME")
    up.add_argument("--ports", choices=("fixed", "free"), help="free: any, in a new state folder")
    up.add_argument("--port", action="append", type=_port, default=[], metavar="NAME=NUMBER")
    up.add_argument("--data", action="append", type=_data, default=[], metavar="NAME=FOLDER")
    up.set_defaults(action=_up)

    down = actions.add_parser("down", help="end servers (all, unless named), their data whole")
    down.add_argument("name", nargs="*", type=_one_of(SERVERS), metavar="NAME")
    down.add_argument("--after", type=_pid, metavar="PID", help="once that process has ended")
    down.add_argument("--remove", action="store_true", help="their data too")
    down.set_defaults(action=_down)

    restart = actions.add_parser("restart", help="end a server and start it on its data")
    restart.add_argument("name", nargs="+", type=_one_of(SERVERS), metavar="NAME")
    restart.set_defaults(action=_restart)

    kill = actions.add_parser("kill", help="end a server by SIGKILL")
    kill.add_argument("name", nargs="+", type=_one_of(SERVERS), metavar="NAME")
    kill.set_defaults(action=_kill)

    ps = actions.add_parser("ps", help="tell how each server does")
    ps.set_defaults(action=_ps)

    install = actions.add_parser("install", help="build what no package of the system brings")
    install.add_argument("name", nargs="*", type=_one_of(builds.BUILDS), metavar="NAME")
    install.set_defaults(action=_install)
    return parser


if __name__ == "__main__":
    main()
