"""Where are objects kept, and what does it mean to us when that goes wrong?"""

import atexit
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    GenericError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import ObjectStore, from_url

from marea.errors import BadInput, Unavailable
from services.recorder.config import ObjectsConfig

if TYPE_CHECKING:
    from obstore import PutMode

ANSWER_S_MAX = 20
RETRIES_MAX = 1
"""Of obstore itself: the recorder tries again, and tells."""
NOT_IMPLEMENTED = "501 Not Implemented"
NAMES_PER_PAGE = 1_000
SETTLE_S = 0.2


class Found(NamedTuple):
    """An object, and the version of it that was read."""

    body: bytes
    tag: str | None


def open_store(config: ObjectsConfig) -> ObjectStore:
    """The store that the configuration names; nothing is asked of it yet.

    Raises `BadInput` for a URL that names none.
    """
    _settle_at_exit()
    given: dict[str, Any] = {}
    if config.url.startswith("s3:"):
        given = {
            "region": config.region,
            "client_options": {"timeout": f"{ANSWER_S_MAX}s", "allow_http": True},
            "retry_config": {
                "max_retries": RETRIES_MAX,
                "retry_timeout": timedelta(seconds=ANSWER_S_MAX),
            },
        }
        if config.endpoint:
            given["endpoint"] = config.endpoint
        if config.key:
            given |= {"access_key_id": config.key, "secret_access_key": config.secret}
    elif config.url.startswith("file:"):
        given = {"mkdir": True}
    try:
        return from_url(config.url, **given)
    except (BaseError, ValueError) as err:
        raise BadInput(
            f"objects.url is {config.url!r}, which names no store ({_first_line(err)}): write "
            "s3://bucket/folder, a folder as file: URL, or memory:///"
        ) from err


@cache
def _settle_at_exit() -> None:
    # What obstore answered it still puts away in a thread of its own, and aborts the process where
    # Python ends meanwhile (pyo3-async-runtimes, issue 40).
    atexit.register(time.sleep, SETTLE_S)


class Objects:
    """The objects of one store. Every verb raises `Unavailable`, and `BadInput` where it is refused."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def get(self, name: str) -> Found | None:
        """An object; None where there is none of that name."""
        with self._translated(f"reading {name}"):
            try:
                result = await obstore.get_async(self._store, name)
                body = bytes(await result.bytes_async())
            except FileNotFoundError:
                return None
        return Found(body, result.meta["e_tag"])

    async def create(self, name: str, body: bytes) -> bool:
        """Put an object where none is; False where one is, which stays as it is.

        Where the store can't look (an S3 server without `If-None-Match`), it is put over any.
        """
        with self._translated(f"writing {name}"):
            try:
                await self._put_if(name, body, "create")
            except AlreadyExistsError:
                return False
        return True

    async def put(self, name: str, body: bytes) -> None:
        """Put an object, whatever is there."""
        with self._translated(f"writing {name}"):
            await obstore.put_async(self._store, name, body, use_multipart=False)

    async def replace(self, name: str, body: bytes, tag: str | None) -> str | None:
        """Put an object in the place of the version that was read, or of none; give the new version.

        Raises `Unavailable` where another version is there; a store that can't compare (a local
        folder, an S3 server without `If-Match`) replaces any.
        """
        with self._translated(f"writing {name}"):
            return await self._put_if(name, body, {"e_tag": tag} if tag else "create")

    async def names(self, folder: str, after: str = "") -> list[str]:
        """The names of all objects below a folder, sorted; only those behind `after`."""
        with self._translated(f"listing {folder}"):
            listed = obstore.list(
                self._store, folder, offset=after or None, chunk_size=NAMES_PER_PAGE
            )
            return sorted([str(each["path"]) for each in await listed.collect_async()])

    async def folders(self, folder: str) -> list[str]:
        """The names of the folders in a folder, sorted."""
        with self._translated(f"listing {folder}"):
            listed = await obstore.list_with_delimiter_async(self._store, folder)
        return sorted([path.rpartition("/")[2] for path in listed["common_prefixes"]])

    async def _put_if(self, name: str, body: bytes, mode: "PutMode") -> str | None:
        put = partial(obstore.put_async, self._store, name, body, use_multipart=False)
        try:
            result = await put(mode=mode)
        except NotImplementedError:  # a local folder
            result = await put()
        except GenericError as err:
            if NOT_IMPLEMENTED not in str(err):
                raise
            result = await put()
        return result["e_tag"]

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        try:
            yield
        except (PermissionDeniedError, UnauthenticatedError) as err:
            raise BadInput(
                f"the store refuses {what} ({_first_line(err)}): give a key and a secret that may "
                "(MAREA_S3_KEY, MAREA_S3_SECRET)"
            ) from err
        except (PreconditionError, AlreadyExistsError) as err:
            raise Unavailable(f"{what}: another recorder has written it: look again") from err
        except (BaseError, OSError) as err:
            raise Unavailable(
                f"{what}: {_first_line(err)}: see to the store, and that the bucket is there"
            ) from err


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
