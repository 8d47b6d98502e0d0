"""Which message types there are: each one once, by the name it has everywhere."""

from marea.messages import features, market, system
from marea.messages.envelope import Message

TYPES: dict[str, type[Message]] = {
    kind.__name__: kind
    for kind in (
        market.InstrumentChanged,
        market.Trade,
        market.Quote,
        market.BookDelta,
        market.BookSnapshot,
        market.VenueBar,
        market.MarkPrice,
        market.BookStatusChanged,
        market.RequestSnapshot,
        features.Bar,
        features.BarCorrection,
        features.FeatureVector,
        system.Clock,
        system.ClockOffset,
        system.Started,
        system.CoreDiverged,
        system.GapFound,
        system.QualityCheckFailed,
        system.DeadLetter,
    )
}
