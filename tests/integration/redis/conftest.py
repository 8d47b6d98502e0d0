"""Servers of their own for tests that flush, fill, stop and kill them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.redis.own_redis import OwnRedis


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnRedis]:
    """One for the tests of a file, which flush and fill it."""
    own = OwnRedis(tmp_path_factory.mktemp("redis"))
    own.start()
    yield own
    own.kill()


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[OwnRedis]:
    """One for a test that kills it."""
    own = OwnRedis(tmp_path)
    own.start()
    yield own
    own.kill()
