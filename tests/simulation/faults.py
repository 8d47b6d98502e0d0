"""Which faults does a seed bring: of what kind, where, how often, and how bad?

As in swarm testing (Groce and others, 2012) each seed leaves out most kinds, and draws for the
others how often they strike; so some runs know one fault only, and often. Every place where a
fault could strike counts its own chances, so that a fault has a name that a run of the same seed
knows again: a shrunk run spares all but a few of them.
"""

from collections import Counter
from collections.abc import Mapping, Set
from math import log
from random import Random
from types import MappingProxyType
from typing import NamedTuple

from marea.messages.envelope import Nanos

MS: Nanos = 1_000_000
SECOND: Nanos = 1_000 * MS
NEVER = 1 << 60


class Kind(NamedTuple):
    """One kind of fault."""

    what: str
    share_max: float
    """Of the chances, at most."""


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        # at the boundaries of a process
        "crash_before": Kind("a process dies before a call", 0.01),
        "crash_reading": Kind("a process dies before it reads", 0.005),
        "crash_after": Kind("a process dies after a call took effect", 0.01),
        "pause": Kind("a process stands still, up to 20 s, and goes on", 0.004),
        "zombie": Kind("a process stands still, another takes its place, and it goes on", 0.003),
        "old_snapshot": Kind("a start finds an older snapshot, or none", 0.5),
        "torn_snapshot": Kind("a snapshot is cut off or damaged", 0.5),
        "snapshot_lost": Kind("a snapshot can't be saved", 0.5),
        "upgrade": Kind(
            "all processes begin anew, one after the other, with another build and limit", 0.5
        ),
        "power_cut": Kind("everything dies, and what was not flushed is gone", 0.02),
        "clock_jump": Kind(
            "the clock that stamps arrivals is set wrong, up to an hour, and back", 0.1
        ),
        "clock_set_back": Kind("a host's clock is set back, up to 5 s, and is right again", 0.02),
        "clock_drift": Kind("a host's clock runs up to 200 ms wrong", 0.5),
        # between a process and the log
        "append_lost": Kind("an append fails and is not done", 0.02),
        "append_unknown": Kind("an append fails and is done", 0.02),
        "append_late": Kind("an append fails, and is done up to 20 s later", 0.02),
        "append_twice": Kind("an append is done twice", 0.05),
        "append_slow": Kind("an append takes up to 5 s", 0.02),
        "read_slow": Kind("a read takes up to 5 s", 0.01),
        "read_short": Kind("a read does not give the latest records yet", 0.1),
        "partition": Kind("a process can't reach the log for up to 20 s", 0.003),
        # between a process and the fast copy
        "fast_lost": Kind("a copy is refused", 0.1),
        "fast_torn": Kind("half of a batch is copied, and its writer is told nothing", 0.05),
        "fast_twice": Kind("a copy is made twice", 0.2),
        "fast_trimmed": Kind("all but the latest copies go", 0.05),
        "fast_flushed": Kind("the fast copy comes back empty", 0.01),
        "fast_away": Kind("the fast copy is away for up to 20 s", 0.005),
        # what a venue's market says
        "frame_lost": Kind("a frame of the market is lost", 0.05),
        "frame_twice": Kind("a frame of the market comes twice", 0.1),
        "frame_late": Kind("a frame of the market comes behind later ones", 0.1),
        "frame_torn": Kind("a frame of the market can't be read", 0.02),
        # between execution and the venue
        "send_lost": Kind("a request is lost, and its sender is told nothing", 0.2),
        "send_silent": Kind(
            "a request arrives, up to 4 s later, and its sender is told nothing", 0.2
        ),
        "send_slow": Kind("a request takes up to 20 s to be answered", 0.1),
        "venue_rejects": Kind("a request arrives so late that the venue rejects it", 0.2),
        "venue_limits": Kind("the venue answers nothing but 429 for up to 10 s", 0.02),
        "venue_away": Kind("the venue is in maintenance for up to 20 s", 0.01),
        "report_late": Kind("reports come up to 5 s late, out of order", 0.2),
        "report_twice": Kind("reports come again", 0.3),
        "query_stale": Kind("a query is answered as of up to 5 s ago", 0.3),
        "list_empty": Kind("the venue lists no balance and no order", 0.1),
        "ids_forgotten": Kind("the venue takes the id of an order again that has ended", 1.0),
        "cancel_late": Kind("a cancel arrives up to 4 s later", 0.3),
        # people
        "command": Kind("somebody halts, resumes or resets, or tries to", 1.0),
        "command_twice": Kind("what somebody ordered is ordered again under its key", 0.5),
        # what another build has left
        "foreign_snapshot": Kind("a start finds a snapshot of a state of another shape", 0.5),
    }
)
"""Every kind, by its name, and how many of its chances a seed lets it strike at most."""

QUIET_SHARE = 0.6
"""Of the kinds, those that a seed leaves out."""


class Fault(NamedTuple):
    """One fault that struck."""

    kind: str
    place: str
    """Whom it struck: a process, a market, the venue."""
    chance: int
    """Which of the chances of this kind at this place."""

    def __str__(self) -> str:
        return f"{self.kind}@{self.place}#{self.chance}"


class Faults:
    """The faults of one seed."""

    def __init__(self, seed: int, only: Set[Fault] | None = None) -> None:
        """`only` spares all others; None: none is spared."""
        self.seed = seed
        self.is_over = False
        """Whether the world behaves from now on."""
        self.ends_at: Nanos = 0
        """When that begins, ns UTC."""
        self.struck: list[tuple[Nanos, Fault]] = []
        self.met: Counter[tuple[str, str, str]] = Counter()
        """How often a kind met a service and a message type."""
        self._only = only
        draw = Random(f"{seed}/faults")  # a world, not a secret
        self.shares = {name: self._share(draw, kind) for name, kind in KINDS.items()}
        self._counts: dict[tuple[str, str], int] = {}
        self._next: dict[tuple[str, str], int] = {}
        self._draws: dict[tuple[str, str], Random] = {}

    @staticmethod
    def _share(draw: Random, kind: Kind) -> float:
        is_quiet, size = draw.random() < QUIET_SHARE, draw.random()
        return 0.0 if is_quiet else kind.share_max * size * size

    @property
    def active(self) -> Set[str]:
        """The kinds that may strike."""
        return frozenset(name for name, share in self.shares.items() if share)

    def strikes(self, kind: str, place: str, now: Nanos) -> Fault | None:
        """Does this kind strike here now? Each question is one chance."""
        if not self.shares[kind] or self.is_over:
            return None
        key = (kind, place)
        count = self._counts.get(key, 0)
        self._counts[key] = count + 1
        if key not in self._next:
            self._draws[key] = Random(f"{self.seed}/{kind}/{place}")  # a world
            self._next[key] = self._gap(key)
        if count < self._next[key]:
            return None
        self._next[key] = count + 1 + self._gap(key)
        fault = Fault(kind, place, count)
        if self._only is not None and fault not in self._only:
            return None
        self.struck.append((now, fault))
        return fault

    def size(self, fault: Fault, name: str = "") -> float:
        """How bad a fault is, in 0…1: the same in every run that knows it."""
        return Random(f"{self.seed}/{fault}/{name}").random()  # a world

    def _gap(self, key: tuple[str, str]) -> int:
        # Chances until the next one strikes: geometric, of one drawn number.
        share = self.shares[key[0]]
        if share >= 1.0:
            return 0
        drawn = self._draws[key].random()
        return min(NEVER, int(log(1.0 - drawn) / log(1.0 - share)))
