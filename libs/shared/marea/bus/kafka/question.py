"""How is a broker asked what there is, once, or again and again for what is new?

Kafka remembers a question that is asked again and again (KIP-227, a fetch session): then only what has
changed in it is told, and only that is answered of which there is news. aiokafka encodes and decodes in
Python, 25 µs for each log that is named (measured); a process follows about ten.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from aiokafka.protocol.fetch import FetchRequest
from aiokafka.structs import TopicPartition

FETCH_BYTES_MAX = 1_000_000
"""Of one partition; a batch that is larger comes alone."""
ANSWER_BYTES_MAX = 8 * FETCH_BYTES_MAX
UNCOMMITTED = 0
"""Nothing of ours is written in a transaction."""
EPOCH_MAX = 2**31 - 1


class Place(NamedTuple):
    """Of a question in its session: which session, and the how manieth question."""

    session: int
    epoch: int


ALONE = Place(0, -1)
BEGIN = Place(0, 0)


class Question(FetchRequest):  # type: ignore[misc] # aiokafka has no strict types
    """What these partitions hold from these offsets on."""

    def __init__(
        self,
        wanted: Mapping[TopicPartition, int],
        wait_ms: int,
        place: Place = ALONE,
        gone: Collection[TopicPartition] = (),
    ) -> None:
        """In a session it is what is new or has changed, and what it no longer asks for."""
        super().__init__(
            max_wait_time=wait_ms,
            min_bytes=1,
            max_bytes=ANSWER_BYTES_MAX,
            isolation_level=UNCOMMITTED,
            topics=by_topic({at: (offset, FETCH_BYTES_MAX) for at, offset in wanted.items()}),
        )
        self._place = place
        self._gone = gone

    def build(self, request_struct_class: Any) -> Any:  # noqa: ANN401 # structs of aiokafka have no types
        """The question as this version writes it."""
        built = super().build(request_struct_class)
        built.session_id, built.session_epoch = self._place
        gone = defaultdict(list)
        for at in self._gone:
            gone[at.topic].append(at.partition)
        built.forgotten_topics_data = list(gone.items())
        return built


class Session:
    """A question that one broker is asked again and again."""

    def __init__(self) -> None:
        self._place = BEGIN
        self._told: dict[TopicPartition, int] = {}

    def next(self, wanted: Mapping[TopicPartition, int], wait_ms: int) -> Question:
        """The question for all of this, as far as the broker does not know it from before."""
        told, self._told = self._told, dict(wanted)
        changed = {at: offset for at, offset in wanted.items() if told.get(at) != offset}
        return Question(changed, wait_ms, self._place, [at for at in told if at not in wanted])

    def go_on(self, session: int) -> None:
        """It was answered; `session` is what the broker calls it, 0 where it remembers none."""
        if session == 0:
            self.begin_anew()
        else:
            self._place = Place(session, self._place.epoch % EPOCH_MAX + 1)

    def begin_anew(self) -> None:
        """Tell all of it the next time: the broker may know another one, or none."""
        self._place, self._told = BEGIN, {}


def by_topic(asked: Mapping[TopicPartition, tuple[int, ...]]) -> Sequence[tuple[str, list[Any]]]:
    """The same, as requests have it."""
    found: defaultdict[str, list[Any]] = defaultdict(list)
    for place, values in asked.items():
        found[place.topic].append((place.partition, *values))
    return list(found.items())
