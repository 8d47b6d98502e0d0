"""Real servers, as the tests here find them."""

from tests.servers import kafka, redis

__all__ = ["kafka", "redis"]
