"""Which instruments does a process of a shard look at?"""

from collections.abc import Sequence

from marea.errors import BadInput
from marea.runtime.processes import ProcessSettings
from marea.venues.simulated.parameters import load_parameters


def instruments_of(own: ProcessSettings) -> Sequence[str]:
    """The ids of the shard's instruments.

    Raises `BadInput` for one that a simulated market has not, and where a tape's are not named.
    """
    named = own.shard.instruments
    if own.market.source == "tape":
        if not named:
            raise BadInput(
                "shard.instruments is [], and market.source is 'tape': name what is traded, such as "
                "BTC-USDT.BINANCE, for a tape is not looked at by every process"
            )
        return named
    drawn = [each.id for each in load_parameters().instruments]
    for name in named:
        if name not in drawn:
            raise BadInput(
                f"shard.instruments has '{name}', and the simulated market has "
                f"{', '.join(drawn)}: name some of these, or none for all"
            )
    return named or drawn
