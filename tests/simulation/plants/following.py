"""Bugs of who runs a shard: who beats, who follows, who takes over, who must stop."""

from tests.simulation.plants.edits import AttributeEdit, CodeEdit
from tests.simulation.plants.plant import Plant

INSTANCE = "marea.runtime.ownership:Instance"
LOOP = "marea.runtime.loop:Loop"
OUTPUTS = "marea.runtime.outputs:Outputs"

PLANTS = (
    Plant(
        name="owner_never_stops",
        what="An owner goes on whatever it reads: no start of another, no beat, no lease stops it.",
        cores=("runtime",),
        edits=(
            CodeEdit(f"{INSTANCE}._check", {"not self.is_proven": "False"}),
            CodeEdit(
                f"{LOOP}._refuse_successor",
                {"type(record.message) is Started and NO_EPOCH < own_epoch < position": "False"},
            ),
            CodeEdit(f"{INSTANCE}._hear", {"epoch > own": "False"}),
            CodeEdit(f"{INSTANCE}._own", {"self.is_proven or not self.loop.ports.effects": "True"}),
            CodeEdit(
                f"{OUTPUTS}._read_back",
                {"is_own and type(record.message) is Started and position > epoch": "False"},
            ),
        ),
    ),
    Plant(
        name="taken_over_at_once",
        what="A standby takes over although it hears the owner.",
        cores=("runtime",),
        edits=(
            CodeEdit(
                f"{INSTANCE}._stand_by",
                {"asked_ns - self._heard_ns >= self._waits_ns": "True"},
            ),
        ),
    ),
    Plant(
        name="never_taken_over",
        what="A standby waits for an owner that is gone.",
        cores=("runtime",),
        edits=(
            CodeEdit(
                f"{INSTANCE}._stand_by",
                {"asked_ns - self._heard_ns >= self._waits_ns": "False"},
            ),
        ),
    ),
    Plant(
        name="every_heartbeat_was_its_own",
        what="A process that comes again takes over from whoever was heard last.",
        cores=("runtime",),
        edits=(
            CodeEdit(
                f"{INSTANCE}._is_own_past",
                {"process_of(told.instance) == process_of(self._name)": "True"},
            ),
        ),
    ),
    Plant(
        name="silence_too_short",
        what="A standby takes over while the owner may still believe that it owns.",
        cores=("runtime",),
        edits=(
            AttributeEdit(
                "marea.runtime.ownership:SILENCE_NS", was=6_000_000_000, value=1_000_000_000
            ),
        ),
    ),
    Plant(
        name="followed_too_far",
        what="A standby takes inputs of which the owner has not said all yet.",
        cores=("runtime",),
        edits=(
            CodeEdit(
                f"{INSTANCE}._stand_by",
                {
                    "await self.loop.follow(self._owner_resumes_at, limit)": (
                        "await self.loop.follow("
                        "(await self.loop.ports.bus.ends()).get(self.loop.wiring.input_log, 0), limit)"
                    )
                },
            ),
        ),
    ),
    Plant(
        name="successor_unseen_as_it_confirms",
        what="What an owner reads back counts although the next one began before it.",
        cores=("runtime",),
        edits=(
            CodeEdit(
                f"{OUTPUTS}._read_back",
                {"is_own and type(record.message) is Started and position > epoch": "False"},
            ),
        ),
    ),
    Plant(
        name="beat_before_it_is_safe",
        what="A heartbeat tells that inputs are done with whose outputs are not on the log yet.",
        cores=("runtime",),
        edits=(CodeEdit(f"{INSTANCE}._beat", {"await self.loop.confirm()": "pass"}),),
    ),
    Plant(
        name="beat_tells_too_much",
        what="A heartbeat tells that the owner is done with inputs that it has not read.",
        cores=("runtime",),
        edits=(CodeEdit(f"{INSTANCE}._told", {"self._done_with()": "self.loop.position + 50"}),),
    ),
    Plant(
        name="saved_before_it_is_read_back",
        what="An owner saves a state that holds what it wrote after the next one had begun.",
        cores=("runtime",),
        edits=(
            CodeEdit(
                f"{LOOP}._snapshot_if_due",
                {"self._snapshot_due and self.ports.may_act is not None": "False"},
            ),
        ),
    ),
)
