"""PostgreSQL, in a cluster of its own with one user and one database, both named marea."""

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from deploy.local.errors import ServerAway
from deploy.local.server import ANSWER_S_MAX, HOST, Command, Place

OWNER = "marea"
ACCOUNT = "postgres"
"""Who runs it where we are root, as which it refuses to run."""
PACKAGED = Path("/usr/lib/postgresql")


class Postgres:
    """The newest server of the system's packages."""

    name = "postgres"
    ports = MappingProxyType({"postgres": 15432})
    ends_on = signal.SIGINT  # "fast": it ends its sessions
    build = None

    def missing(self) -> str | None:
        """The package, or the account that its package makes."""
        if _binaries() is None:
            return "PostgreSQL is not installed: apt-get install postgresql"
        if _is_root() and ACCOUNT not in {one.pw_name for one in pwd.getpwall()}:
            return f"PostgreSQL refuses root, and there is no user '{ACCOUNT}': adduser {ACCOUNT}"
        return None

    def prepare(self, place: Place) -> None:
        """Make the cluster and the database."""
        cluster, begun = place.data / "cluster", place.data / "cluster.begun"
        if cluster.exists():
            return
        shutil.rmtree(begun, ignore_errors=True)  # of a start that was cut off
        begun.mkdir(mode=0o700)
        if _is_root():
            _check_reach(place.data)
            shutil.chown(begun, ACCOUNT, ACCOUNT)
        options = ["-U", OWNER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"]
        _run(_tool("initdb", "-D", begun, *options))
        alone = _tool("postgres", "--single", "-D", begun, "template1")
        _run(alone, f"create database {OWNER}\n")
        begun.rename(cluster)

    def command(self, place: Place) -> Command:
        """What it confirmed survives its own end, not that of the machine: Kafka has the record."""
        settings = {
            "listen_addresses": HOST,
            "unix_socket_directories": "",
            "shared_buffers": "128MB",
            "fsync": "off",
            "full_page_writes": "off",
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        port = str(place.ports[self.name])
        return Command(_tool("postgres", "-D", place.data / "cluster", "-p", port, *words))

    def answers(self, place: Place) -> bool:
        """Whether it takes sessions."""
        asked = ["-q", "-h", HOST, "-p", str(place.ports[self.name]), "-t", str(int(ANSWER_S_MAX))]
        return subprocess.run([_binary("pg_isready"), *asked], check=False).returncode == 0

    def address(self, ports: Mapping[str, int]) -> str:
        """The database; nobody is asked for a password, as nobody else reaches this address."""
        return f"postgresql://{OWNER}@{HOST}:{ports[self.name]}/{OWNER}"


def _is_root() -> bool:
    return os.geteuid() == 0


def _binaries() -> Path | None:
    """The folder of the newest packaged version, else of what is on the path."""
    versions = [one for one in PACKAGED.glob("*/bin") if (one / "initdb").exists()]
    if versions:
        return max(versions, key=lambda one: float(one.parent.name))
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


def _binary(name: str) -> Path:
    return (_binaries() or Path()) / name


def _tool(name: str, *words: str | Path) -> list[str | Path]:
    """A command of it, as a user that it accepts."""
    account = ("setpriv", f"--reuid={ACCOUNT}", f"--regid={ACCOUNT}", "--init-groups")
    return [*(account if _is_root() else ()), _binary(name), *words]


def _check_reach(data: Path) -> None:
    closed = [one for one in (data, *data.parents) if not one.stat().st_mode & 0o001]
    if closed:
        text = f"user '{ACCOUNT}' can't reach {data}, because {closed[-1]} is closed to others"
        raise ServerAway(f"{text}: chmod o+x {closed[-1]}, or give another folder by --state")


def _run(command: Sequence[str | Path], given: str = "") -> None:
    done = subprocess.run(
        command,
        cwd="/",  # the account may not stand where we do
        input=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ServerAway(f"PostgreSQL can't begin its cluster: {done.stdout.strip()}")
