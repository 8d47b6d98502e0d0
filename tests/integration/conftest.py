"""Real servers, as the tests here find them."""

from tests.servers import apicurio, database, influx, kafka, minio, own_servers, postgres, redis

__all__ = [
    "apicurio",
    "database",
    "influx",
    "kafka",
    "minio",
    "own_servers",
    "postgres",
    "redis",
]
