"""Which code and which machine decided this?"""

import math
import platform
from collections.abc import Sequence
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path


def build_id(packages: Sequence[Path]) -> str:
    """The version and the hash of every source file below the packages: `0.1.0+3f2a…`."""
    digest = blake2b(digest_size=8)
    for package in packages:
        for source in sorted(package.rglob("*.py")):
            digest.update(f"{source.relative_to(package.parent)}\0".encode())
            digest.update(source.read_bytes())
    return f"{version('marea')}+{digest.hexdigest()}"


def platform_facts() -> dict[str, str]:
    """What floats depend on: equal facts promise equal bits."""
    libc, libc_version = platform.libc_ver()
    return {
        "machine": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        "libm": f"{libc} {libc_version}".strip() or "unknown",
        "libm_fingerprint": _libm_fingerprint(),
    }


def _libm_fingerprint() -> str:
    # What this platform's sqrt, exp and log give for a thousand arguments.
    digest = blake2b(digest_size=8)
    for step in range(1, 1_001):
        x = step * 0.0371
        digest.update(f"{math.sqrt(x).hex()} {math.exp(-x).hex()} {math.log(x).hex()}".encode())
    return digest.hexdigest()
