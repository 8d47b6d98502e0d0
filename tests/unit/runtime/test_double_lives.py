"""Writers and readers that die in any order leave a record that decides everything again."""

import asyncio
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from marea.bus.memory import MemorySnapshots
from marea.errors import Unavailable
from tests.unit.runtime.chain import Chain
from tests.unit.runtime.doubled import Shard

EVENTS = st.sampled_from(
    (
        *("say", "say", "say", "lose", "double", "later"),
        *("pump", "pump", "step", "step", "step", "publish", "publish"),
        *("writer dies", "reader dies"),
        *("silent", "gone", "flush", "away"),
    )
)
COPIES = {"lose": 0, "say": 1, "double": 2}


async def happen(chain: Chain, event: str) -> None:
    """One thing that goes on."""
    shard = chain.shard
    match event:
        case "pump":
            await shard.bus.pump()
        case "publish":
            await chain.bus.pump()
        case "step":
            await live(chain)
        case "writer dies":
            back(shard)
            shard.crash()
            await chain.claim()
        case "reader dies":
            chain.revive()
        case "later":
            shard.now_ns += 700_000_000
        case _ if event in COPIES:
            shard.fast.fate = lambda: COPIES[event]
            await chain.say(7)
        case _:
            fail(shard, event)


def fail(shard: Shard, event: str) -> None:
    """A store loses all, goes away, or is back."""
    if event == "flush":
        shard.fast.flush_all()
    elif event == "away":
        shard.fast.is_away = not shard.fast.is_away
    else:
        setattr(shard.record, f"is_{event}", not getattr(shard.record, f"is_{event}"))


def back(shard: Shard) -> None:
    """The log is there again."""
    shard.record.is_silent = shard.record.is_gone = False


async def live(chain: Chain) -> None:
    """A step of the reader, in a new life if the one before is over."""
    try:
        if chain.loop.has_stopped:
            chain.revive()
            await chain.loop.start()
        await chain.loop.step()
    except Unavailable:
        chain.revive()


@settings(max_examples=150, deadline=None)
@given(st.lists(EVENTS, min_size=20, max_size=120))
def test_what_any_lives_leave_on_record_is_decided_again_from_the_record_alone(
    events: list[str],
) -> None:
    async def scenario() -> None:
        chain = Chain(Shard())
        await chain.claim()
        for event in events:
            await happen(chain, event)
        back(chain.shard)
        await chain.shard.bus.flush()
        for _ in range(3):  # a life that took what was lost ends; the next one reads to the end
            await live(chain)
        with suppress(Unavailable):
            await chain.bus.flush()
        assert chain.loop.divergence_count == 0

        alone = Chain(chain.shard)
        alone.toy_snapshots = MemorySnapshots()
        alone.shard.fast.is_away = True
        alone.revive()
        await alone.loop.start()
        await alone.loop.step()
        assert not alone.loop.is_recovering
        assert alone.loop.divergence_count == 0
        assert (alone.loop.position, alone.loop.state) == (chain.loop.position, chain.loop.state)

    asyncio.run(scenario())
