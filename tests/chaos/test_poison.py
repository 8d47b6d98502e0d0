"""Whatever nonsense is written where the fleet reads, it trades on, and nothing of it counts.

`python -m tests.chaos.poison` writes as much as is asked for.
"""

import shutil
import tempfile
from pathlib import Path
from uuid import uuid4

from tests.chaos.poison import told
from tests.chaos.poisoned import Dose, Poisoned

SEED = 6


def test_no_damaged_message_stops_a_service_or_changes_what_it_decides(
    kafka: str, redis: str
) -> None:
    folder = Path(tempfile.mkdtemp(prefix="marea-poison-"))
    dose = Dose(seed=SEED, count=2_000, seconds=25)
    outcome = Poisoned(kafka, redis, f"poison-{uuid4().hex[:8]}.", dose).run(folder)
    print(told(outcome))
    assert not outcome.findings, f"{outcome.findings[:20]}: its logs are in {folder}"
    assert outcome.put.total() == dose.count
    assert outcome.letters == dose.count - outcome.valid.total()
    assert outcome.valid["bits turned"]
    assert outcome.by_channel["trading"]
    shutil.rmtree(folder)
