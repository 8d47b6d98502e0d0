"""Bugs of the double append: what is on the fast copy, what is on record, and what rests on it."""

from tests.simulation.plants.edits import CodeEdit
from tests.simulation.plants.plant import Plant

BUS = "marea.runtime.double_bus:DoubleBus"
SOURCE = "marea.runtime.fast_source:FastSource"
OUTPUTS = "marea.runtime.outputs:Outputs"
IS_AS_TOLD = "found is None or found.is_degraded == sink.is_degraded"

PLANTS = (
    Plant(
        name="recorded_before_its_input",
        what="An output is on record before the input that it rests on.",
        cores=("runtime",),
        edits=(
            CodeEdit(
                f"{BUS}._is_confirmed",
                {"source is None or record.input_offset < source.confirmed": "True"},
            ),
        ),
    ),
    Plant(
        name="saved_before_its_input",
        what="A snapshot is saved that rests on copies which may never be on record.",
        cores=("runtime",),
        edits=(
            CodeEdit(
                f"{SOURCE}._save_if_safe",
                {
                    "self._unsafe is not None and self._unsafe[1] <= self._confirmed": (
                        "self._unsafe is not None"
                    )
                },
            ),
        ),
    ),
    Plant(
        name="saved_past_the_queue",
        what="A snapshot is saved before what was appended before it is on record.",
        cores=("runtime",),
        edits=(
            CodeEdit(
                f"{BUS}.save",
                {
                    "self._queue.append(_Save(name, position, body))": (
                        "await self._snapshots.save(name, position, body)"
                    )
                },
            ),
        ),
    ),
    Plant(
        name="lost_copy_believed",
        what="What was taken from the fast copy counts although another record came in its place.",
        cores=("runtime",),
        edits=(
            CodeEdit(
                f"{SOURCE}._confirm",
                {"key_of(given) != key": "False", "given.message != record.message": "False"},
            ),
        ),
    ),
    Plant(
        name="copy_taken_after_a_hole",
        what="Copies are taken although one before them is missing.",
        cores=("runtime",),
        edits=(
            CodeEdit(
                f"{SOURCE}._overtake",
                {
                    "self._held.pop(self._last, None)": (
                        "self._held.pop(self._last if self._last in self._held"
                        " else next(iter(self._held), None), None)"
                    )
                },
            ),
        ),
    ),
    Plant(
        name="failed_append_dropped",
        what="What the log refused is not put there again.",
        cores=("runtime",),
        edits=(
            CodeEdit(
                f"{BUS}.pump", {"[each for each in ready if each.log not in acknowledged]": "[]"}
            ),
        ),
    ),
    Plant(
        name="degraded_untold",
        what="Nobody is told that the record is too far behind.",
        cores=("runtime",),
        edits=(CodeEdit(f"{OUTPUTS}._tell_backlog", {IS_AS_TOLD: "True"}),),
    ),
    Plant(
        name="degraded_for_ever",
        what="Nobody is told that the record is no longer too far behind.",
        cores=("runtime",),
        edits=(
            CodeEdit(
                f"{OUTPUTS}._tell_backlog",
                {IS_AS_TOLD: f"{IS_AS_TOLD} or bool(sink.is_degraded)"},
            ),
        ),
    ),
    Plant(
        name="degraded_unheard",
        what="Openings go on although the record of the market and its features is too far behind.",
        cores=("features", "signals", "risk"),
        edits=(
            CodeEdit(
                "services.features.core.changes:take_change",
                {"state.is_degraded = not changed.is_over": "pass"},
            ),
            CodeEdit(
                "services.signals.core.changes:take_degraded",
                {"state.degraded[degraded.producer] = degraded.id": "pass"},
            ),
            CodeEdit(
                "services.risk.core.marks:_status",
                {'"BROKEN" if state.degraded_id else state.book_status': "state.book_status"},
            ),
        ),
    ),
)
