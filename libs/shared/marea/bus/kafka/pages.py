"""What is read of a log before its window: a piece at a time, as large as one answer."""

from collections.abc import Sequence

from aiokafka.structs import TopicPartition

from marea.bus.kafka.link import Link
from marea.bus.raw import Raw

PAGES_MAX = 16
"""Of logs that are read in turn; one answer each."""


class Pages:
    """The rests of answers, for those who read on where they stopped."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._pages: dict[TopicPartition, Sequence[Raw]] = {}

    async def read(self, place: TopicPartition, position: int, limit: int) -> Sequence[Raw]:
        """At most `limit` of what stands from a position on. Raises as `Link.read`."""
        page = self._pages.get(place, ())
        if not page or not 0 <= position - page[0].offset < len(page):
            page = (await self._link.read(place, position)).raws
        return self.cut(place, page, position, limit)

    def cut(
        self, place: TopicPartition, page: Sequence[Raw], position: int, limit: int
    ) -> Sequence[Raw]:
        """The part of an answer that is read now; what is left of it is kept."""
        self._pages.pop(place, None)
        start = position - page[0].offset if page else 0
        if start + limit < len(page):
            self._pages[place] = page
            if len(self._pages) > PAGES_MAX:
                del self._pages[next(iter(self._pages))]
        return page[start : start + limit]
