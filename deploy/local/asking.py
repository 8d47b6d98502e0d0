"""One question to a server: a few bytes, or one page."""

import http.client
import socket
import struct

from deploy.local.server import ANSWER_S_MAX, HOST


def says(port: int, question: bytes, answer: bytes) -> bool:
    """Whether a server answers these bytes with those."""
    try:
        with socket.create_connection((HOST, port), ANSWER_S_MAX) as asked:
            asked.sendall(question)
            return asked.recv(len(answer)) == answer
    except OSError:
        return False


def has_page(port: int, path: str) -> bool:
    """Whether a server gives this page."""
    asked = http.client.HTTPConnection(HOST, port, timeout=ANSWER_S_MAX)
    try:
        asked.request("GET", path)
        return asked.getresponse().status in (200, 204)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        asked.close()


def knows_broker(port: int, node: int) -> bool:
    """Whether a Kafka broker answers for its cluster, and counts itself among the brokers there."""
    metadata = struct.pack(">hhihi", 3, 1, 0, -1, 0)  # key 3, version 1, no client, no topics
    try:
        with socket.create_connection((HOST, port), ANSWER_S_MAX) as asked:
            asked.sendall(struct.pack(">i", len(metadata)) + metadata)
            (length,) = struct.unpack(">i", _whole(asked, 4))
            told = _whole(asked, length)
    except (OSError, EOFError):
        return False
    (count,) = struct.unpack_from(">i", told, 4)
    place, nodes = 8, []
    for _ in range(count):
        found, host_length = struct.unpack_from(">ih", told, place)
        place += 4 + 2 + host_length + 4
        (rack_length,) = struct.unpack_from(">h", told, place)
        place += 2 + max(rack_length, 0)
        nodes.append(found)
    return node in nodes


def _whole(asked: socket.socket, length: int) -> bytes:
    told = b""
    while len(told) < length:
        more = asked.recv(length - len(told))
        if not more:
            raise EOFError
        told += more
    return told
