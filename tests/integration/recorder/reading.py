"""How the tests look at what stands in InfluxDB and in an S3 store, as anybody does who knows where."""

import json
from typing import Any

import polars as pl
from aiohttp import ClientSession

from services.recorder.config import InfluxConfig, ObjectsConfig


async def ask(config: InfluxConfig, query: str, **given: str) -> list[dict[str, Any]]:
    """The series that answer a question."""
    async with (
        ClientSession() as session,
        session.get(
            f"{config.url}/query", params={"q": query, "db": config.database, **given}
        ) as response,
    ):
        (result,) = json.loads(await response.text())["results"]
        assert "error" not in result, result
        found: list[dict[str, Any]] = result.get("series", [])
        return found


def table(config: ObjectsConfig, name: str) -> pl.DataFrame:
    """A table of Parquet files."""
    return pl.read_parquet(
        f"{config.url}/tables/{name}/**/*.parquet",
        storage_options={
            "aws_endpoint_url": config.endpoint,
            "aws_access_key_id": config.key,
            "aws_secret_access_key": config.secret,
            "aws_region": config.region,
            "aws_allow_http": "true",
        },
    )
