"""The contract of venues that take orders, on the one that needs no server."""

from marea.bus.memory import MemoryBus, MemorySnapshots
from marea.testing.contracts.order_venue import OrderVenueContract, VenueBench
from tests.unit.paper.running import PaperBench


class TestPaperVenue(OrderVenueContract):
    """The venue of virtual money."""

    def open_bench(self) -> VenueBench:
        return PaperBench(MemoryBus(), MemorySnapshots())
