"""Bugs of the loop: what is taken, written, kept and done, and when."""

from tests.simulation.plants.edits import CodeEdit
from tests.simulation.plants.plant import Plant

LOOP = "marea.runtime.loop:Loop"
INTAKE = "marea.runtime.intake:Intake"
IS_EFFECT = "type(record.message) in self.ports.effects"
IS_SNAPSHOT_EARLY = "now < self._snapshot_due or not self._told.is_over or self._intake.is_waiting"
DECIDES_TO_ACT = CodeEdit(
    f"{LOOP}._say",
    {
        "self._self_on_input is None and type(message) in self.ports.effects": (
            "type(message) in self.ports.effects"
        )
    },
)
READS_NOTHING_BACK = CodeEdit(
    f"{LOOP}._read_back", {f"record.writer.epoch == own_epoch and {IS_EFFECT}": "False"}
)

PLANTS = (
    Plant(
        name="duplicate_taken",
        what="The second copy of a record is taken as if it were new.",
        cores=("runtime",),
        edits=(
            CodeEdit(
                f"{INTAKE}.take", {"self.state.duplicate_count += 1": "yield position, record"}
            ),
        ),
    ),
    Plant(
        name="outdated_epoch_taken",
        what="What a life writes that was followed by another is taken.",
        cores=("runtime",),
        edits=(
            CodeEdit(
                f"{INTAKE}.take", {"self.state.outdated_count += 1": "yield position, record"}
            ),
        ),
    ),
    Plant(
        name="saved_before_published",
        what="The position is saved before what was decided is on the log.",
        cores=("runtime",),
        edits=(
            CodeEdit(
                f"{LOOP}.step",
                {
                    "await self._outputs.append(self.now)": (
                        "if failure is None:\n"
                        "    await self._snapshot_if_due(records[-1].ts_known if records else 0)\n"
                        "await self._outputs.append(self.now)"
                    )
                },
            ),
        ),
    ),
    Plant(
        name="acted_before_published",
        what="An order goes out before its intent is on the log.",
        cores=("runtime",),
        edits=(
            DECIDES_TO_ACT,
            READS_NOTHING_BACK,
            CodeEdit(
                f"{LOOP}.step",
                {
                    "await self._outputs.append(self.now)\nawait self._act()": (
                        "await self._act()\nawait self._outputs.append(self.now)"
                    )
                },
            ),
        ),
    ),
    Plant(
        name="acted_for_another_life",
        what="A new life does once more what it reads of the intents of the one before it.",
        cores=("runtime",),
        edits=(
            CodeEdit(
                f"{LOOP}._read_back",
                {f"record.writer.epoch == own_epoch and {IS_EFFECT}": IS_EFFECT},
            ),
        ),
    ),
    Plant(
        name="stamped_by_the_clock",
        what="What is decided is stamped with the clock's time, not with that of the log.",
        cores=("runtime",),
        edits=(
            CodeEdit(
                f"{LOOP}._addressed",
                {"self.now": "self.ports.venue_time() if self.ports.venue_time else self.now"},
            ),
        ),
    ),
    Plant(
        name="clock_goes_back",
        what="A clock that is set back sets back the time of the log.",
        cores=("runtime",),
        edits=(
            CodeEdit(
                f"{LOOP}._hear_outside",
                {
                    "now > self.now and (messages or self._is_time_due(now))": (
                        "messages or self._is_time_due(now)"
                    )
                },
            ),
            CodeEdit(
                f"{LOOP}._decide",
                {
                    "type(message) is Clock and message.ts_event > self.now": "type(message) is Clock"
                },
            ),
        ),
    ),
    Plant(
        name="stamp_goes_back",
        what="A host's clock that is set back sets back the stamps of what is decided.",
        cores=("runtime",),
        edits=(
            CodeEdit(
                "marea.runtime.outputs:Outputs._stamp",
                {"max(self._stamped, self._venue_time())": "self._venue_time()"},
            ),
        ),
    ),
    Plant(
        name="short_read_taken_for_the_end",
        what="A read that gives less than there is passes for the end of the log.",
        cores=("runtime",),
        edits=(
            CodeEdit(
                f"{LOOP}._hear_outside",
                {"self.position < (await self.ports.bus.ends(log)).get(log, 0)": ("False")},
            ),
        ),
    ),
    Plant(
        name="published_again",
        what="A start doesn't look for what the lives before it left on the log, and says it again.",
        cores=("runtime",),
        edits=(CodeEdit(f"{LOOP}.start", {"each.holds_more": "False"}),),
    ),
    Plant(
        name="divergence_untold",
        what="A start that decides otherwise than is on record tells nobody.",
        cores=("runtime",),
        edits=(
            CodeEdit(
                f"{LOOP}._diverge",
                {"self._outputs.diverge(log, recorded, decided, self.now)": "pass"},
            ),
        ),
    ),
    Plant(
        name="divergence_unnumbered",
        what="What follows a told divergence has its number, and is dropped as a copy of it.",
        cores=("runtime",),
        edits=(CodeEdit("marea.runtime.outputs:Outputs.diverge", {"sink.next_seq += 1": "pass"}),),
    ),
    Plant(
        name="torn_snapshot_taken",
        what="A snapshot that was torn as it was written is taken for whole.",
        cores=("runtime",),
        edits=(
            CodeEdit(
                "marea.runtime.snapshot:_decode",
                {
                    "crc32(body[CHECKSUM_BYTES:]).to_bytes(CHECKSUM_BYTES) != body[:CHECKSUM_BYTES]": (
                        "False"
                    )
                },
            ),
        ),
    ),
    Plant(
        name="foreign_snapshot_taken",
        what="A snapshot of another build, whose state has another shape, is read as this one's.",
        cores=("runtime",),
        edits=(
            CodeEdit(
                "marea.runtime.snapshot:latest_readable",
                {"snapshot.state_schema == state_schema": "True"},
            ),
        ),
    ),
    Plant(
        name="intake_lost_at_restart",
        what="A restart forgets how far each producer was read.",
        cores=("runtime",),
        edits=(
            CodeEdit(
                f"{LOOP}._restore",
                {
                    "Intake(self.wiring.input_log, snapshot.intake)": (
                        "Intake(self.wiring.input_log)"
                    )
                },
            ),
        ),
    ),
    Plant(
        name="saved_while_recovering",
        what="The position is saved before all is taken that earlier lives left on the log.",
        cores=("runtime",),
        edits=(
            CodeEdit(
                f"{LOOP}._snapshot_if_due",
                {IS_SNAPSHOT_EARLY: "now < self._snapshot_due or self._intake.is_waiting"},
            ),
        ),
    ),
    Plant(
        name="breaker_lost_at_restart",
        what="A restart forgets that the drawdown breaker is open.",
        cores=("runtime", "risk", "execution"),
        edits=(
            CodeEdit(
                f"{LOOP}._restore",
                {
                    "self.now = snapshot.now": """
self.now = snapshot.now
for level in getattr(getattr(self.state, "drawdown", None), "levels", ()):
    level.ts_until = -1
if hasattr(self.state, "open_levels"):
    self.state.open_levels = []
"""
                },
            ),
        ),
    ),
    Plant(
        name="halt_lost_at_restart",
        what="A restart forgets that a person has halted trading.",
        cores=("runtime", "risk", "execution"),
        edits=(
            CodeEdit(
                f"{LOOP}._restore",
                {
                    "self.now = snapshot.now": """
self.now = snapshot.now
if hasattr(self.state, "is_halted"):
    self.state.is_halted = False
"""
                },
            ),
        ),
    ),
    Plant(
        name="running_bars_lost_at_restart",
        what="A restart forgets the trades of the bars that have not closed.",
        cores=("runtime", "features"),
        edits=(
            CodeEdit(
                f"{LOOP}._restore",
                {
                    "self.now = snapshot.now": """
self.now = snapshot.now
for series in getattr(self.state, "series", {}).values():
    if hasattr(series, "bars"):
        series.bars.running.clear()
"""
                },
            ),
        ),
    ),
    Plant(
        name="decision_id_drawn",
        what="A decision's id counts the decisions of the process, so a restart makes another.",
        cores=("messages", "risk"),
        edits=(
            CodeEdit(
                "marea.messages.ids:output_id",
                {
                    "return derived_id(service, log, type(output).__name__, parent, told)": """
if type(output).__name__ == "RiskDecision":
    output_id.count = getattr(output_id, "count", 0) + 1
    told = f"{told}:{output_id.count}"
return derived_id(service, log, type(output).__name__, parent, told)
"""
                },
            ),
        ),
    ),
)
