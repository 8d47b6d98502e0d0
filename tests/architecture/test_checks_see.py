"""Each check of the tidy test passes a good checkout and sees what is wrong in a bad one."""

import pytest

from tests.architecture.tidy.checks import CHECKS
from tests.architecture.tidy.tree import Tree

GOOD = {
    "pyproject.toml": """\
[project]
dependencies = ["msgspec>=0.22"]
[project.optional-dependencies]
risk = []
standalone = ["marea[risk]", "typer>=0.27"]
[project.scripts]
marea = "services.standalone.main:main"
[tool.ruff.lint]
ignore = [
    "D105", # their names say it
]
""",
    "requirements/risk.txt": "msgspec==0.22.1 \\\n    --hash=sha256:00\n",
    "requirements/standalone.txt": (
        "msgspec==0.22.1 \\\n    --hash=sha256:00\ntyper==0.27.0 \\\n    --hash=sha256:11\n"
    ),
    "Makefile": ".PHONY: test\n\ntest: ## every test\n\t@pytest\n",
    "README.md": "# Good\n\nRun `make test`, then `marea size`; see [words](docs/glossary.md).\n",
    "docs/glossary.md": """\
| use | for | unit | not |
|---|---|---|---|
| bar | trades of one interval | | `candle`, kline |
| instrument | what is traded | | `symbol`, `pair` |
| venue_symbol | what a venue calls it | | |
| qty | how much | | `trade_size` |
""",
    "services/__init__.py": '"""The services of a good checkout."""\n',
    "services/risk/service.toml": 'name = "risk"\n',
    "services/risk/core.py": '''\
"""May this signal become an order, and how large?"""

from marea.domain.sizing import Sizing, scale_to


def decide(sizing: Sizing, qty: int) -> list[int]:
    """What follows from this quantity, given what is known."""
    return [scale_to(sizing, qty) for _ in sorted({1, 2})]
''',
    "services/standalone/service.toml": 'name = "standalone"\n',
    "services/standalone/main.py": '''\
"""The `marea` command, which runs every core in one process."""

from services.risk.core import decide


@app.command()
def size() -> None:
    """Print how large an order may be."""
    print(decide)


def main() -> None:
    """Run the command that was asked for."""
''',
    "libs/shared/marea/__init__.py": '"""A library that is good in every respect."""\n',
    "libs/shared/marea/domain/__init__.py": '"""Arithmetic of money, and nothing besides."""\n',
    "libs/shared/marea/domain/sizing.py": '''\
"""How large may an order be, in whole units?"""

import math


class Sizing:
    """The limits on a quantity that are in force."""

    venue_symbol: str
    qty_max: int

    def __init__(self) -> None:
        self.seen: set[int] = set()


def scale_to(sizing: Sizing, qty: int) -> float:
    """The largest quantity that the limits allow."""
    print(sorted(sizing.seen), sizing.venue_symbol)
    return _root(min(qty, sizing.qty_max))


def _root(qty: int) -> float:
    return math.sqrt(qty)  # noqa: S101 # a reason in words
''',
    "tests/conftest.py": "",
    "tests/unit/risk/test_core.py": "",
}

SIZING = "libs/shared/marea/domain/sizing.py"
CORE = "services/risk/core.py"
MAIN = "services/standalone/main.py"
DOC = '"""What a bad example is for."""\n'
MANY = "".join(f"        case {n}:\n            return {n}\n" for n in range(8))
PORT = f"""
class Port(Protocol):
    {DOC}
    def ask(self):
        {DOC}
    @property
    def qty(self) -> int: ...
class Memory:
    {DOC}
    def ask(self): ...
"""

# check, file, what is put there (after what stands there, where it begins with a newline), complaint
BAD = [
    ("ceilings", SIZING, "\n" * 400, "lines where 400 may be"),
    ("ceilings", SIZING, "\ndef long():\n" + "    print()\n" * 60, "61 lines where 60 may be"),
    ("ceilings", SIZING, "\ndef wide(a, b, /, c, *d, e, f, **g): ...\n", "7 parameters where 6"),
    ("ceilings", SIZING, f"\ndef deep(n):\n    match n:\n{MANY}", "9 complexity where 8"),
    (
        "ceilings",
        SIZING,
        "\nclass Wide:\n" + "".join(f"    def m{n}(self): ...\n" for n in range(11)),
        "11 public methods where 10 may be",
    ),
    ("ceilings", "tools/install.sh", "echo\n" * 401, "401 lines where 400 may be"),
    ("names", "libs/shared/marea/domain/utils.py", DOC, "'utils' refuses nothing"),
    ("names", "libs/shared/marea/common/sizing.py", DOC, "'common' refuses nothing"),
    ("names", "libs/shared/marea/domain/domain_money.py", DOC, "repeats its folder's name"),
    ("names", "libs/shared/marea/domain/sizing_v2.py", DOC, "stands beside an older one"),
    ("names", SIZING, "\nclass OrderManager: ...\n", "its ending says nothing"),
    ("names", SIZING, "\nclass SizingV2: ...\n", "stands beside an older one"),
    ("names", SIZING, "\ndef scale_to_v2(): ...\n", "stands beside an older one"),
    ("names", SIZING, "\ndef is_new(): ...\n", None),
    ("services", "services/risk/service.toml", 'name = "risks"\n', "name is 'risks'"),
    ("services", "services/risk/math.py", DOC, "no service has such a file"),
    ("services", "services/risk/a/b.py", DOC, None),
    ("services", "services/order_flow/core.py", DOC, "use one word"),
    ("services", "services/news/core.py", DOC, "no extra is called 'news'"),
    ("services", "services/news/core.py", DOC, "requirements/news.txt: is missing"),
    ("services", "services/news/core.py", DOC, "tests/unit/news: is missing"),
    ("services", "services/news/config.py", DOC, "has no core.py"),
    ("weight", "docs/picture.png", b"\x89PNG\xff\x00", "is not UTF-8"),
    ("weight", "docs/picture.txt", b"a\0b", "holds a NUL"),
    ("weight", "docs/long.csv", b"1\n" * 500_001, "1000002 bytes where 1000000 may be"),
    ("arithmetic", SIZING, "\nX = 2 ** 3\n", "'**'"),
    ("arithmetic", SIZING, "\nX = 2\nX **= 3\n", "'**'"),
    ("arithmetic", SIZING, "\nX = sum([1])\n", "'sum()'"),
    ("arithmetic", SIZING, "\nX = pow(2, 3)\n", "'pow()'"),
    ("arithmetic", SIZING, "\nX = math.hypot(1, 2)\n", "'math.hypot'"),
    ("arithmetic", SIZING, "\nX = math.fsum([1])\n", "'math.fsum'"),
    ("arithmetic", SIZING, "\nfrom math import tanh\n", "'math.tanh'"),
    ("arithmetic", SIZING, "\nimport numpy as np\n", "'numpy'"),
    ("arithmetic", SIZING, "\nfrom numpy import exp\n", "'numpy'"),
    ("arithmetic", "libs/shared/marea/kernels/a.py", "f(fastmath=True)\n", "'fastmath'"),
    ("arithmetic", "services/signals/strategies/a.py", "X = 2 ** 3\n", "'**'"),
    ("arithmetic", "libs/shared/marea/kernels/compiled.py", "import numpy\n", None),
    ("arithmetic", "libs/shared/marea/runtime/a.py", "X = 2 ** 3\n", None),
    ("set walks", CORE, "\nfor x in {1, 2}: ...\n", "walks the set"),
    ("set walks", CORE, "\nX = [x for x in set([1])]\n", "walks the set"),
    ("set walks", CORE, "\ndef f(s):\n    for x in s.seen: ...\n", None),
    ("set walks", SIZING, "\ndef f(s):\n    for x in s.seen: ...\n", "walks the set 's.seen'"),
    ("set walks", SIZING, "\ndef f(s: frozenset[int]):\n    return list(s)\n", "walks the set 's'"),
    ("set walks", SIZING, "\nX = {1}\nY = ','.join(X)\n", "walks the set 'X'"),
    ("set walks", SIZING, "\nX = set()\nY = (*X,)\n", "walks the set 'X'"),
    ("set walks", SIZING, "\nX: set[int] = f()\nX.pop()\n", "walks the set 'X'"),
    ("set walks", SIZING, "\nX = {1}\nfor x in X - {2}: ...\n", "walks the set 'X - {2}'"),
    ("set walks", SIZING, "\nfor x in a.keys() & b: ...\n", "walks the set 'a.keys() & b'"),
    ("set walks", SIZING, "\nfor x in a.union(b): ...\n", "walks the set 'a.union(b)'"),
    ("set walks", SIZING, "\nfor x in a.keys(): ...\n", None),
    ("set walks", "libs/shared/marea/runtime/a.py", "for x in {1, 2}: ...\n", None),
    ("words", "libs/shared/marea/domain/candle.py", DOC, "says 'candle': the glossary's word is"),
    ("words", SIZING, "\nclass CandleStore: ...\n", "the glossary's word is 'bar'"),
    ("words", SIZING, "\ndef close_candles(): ...\n", "the glossary's word is 'bar'"),
    ("words", SIZING, "\ndef close(symbol): ...\n", "close.symbol: says 'symbol'"),
    ("words", SIZING, "\nclass Store:\n    base_symbol: str\n", "Store.base_symbol: says"),
    ("words", SIZING, "\nclass A:\n    def f(self):\n        self.pair = 1\n", "A.pair: says"),
    ("words", SIZING, "\nSYMBOLS_MAX = 3\n", "SYMBOLS_MAX: says 'symbol'"),
    ("words", SIZING, "\nlast_trade_size, b = 3, 4\n", "says 'trade size'"),
    ("words", SIZING, "\nold_venue_symbol = repaired = 3\n", None),
    ("words", "tests/unit/risk/test_core.py", "def test_candle_is_a_bar(): ...\n", None),
    ("words", "docs/glossary.md", "no words\n", "has no table"),
    ("bare names", SIZING, "\nclass A:\n    limit: int\n", "A.limit: is a question"),
    ("bare names", SIZING, "\nclass A:\n    def f(self):\n        self.value = 1\n", "A.value"),
    ("docstrings", SIZING, "def f(): ...\n", "sizing.py:1: has no docstring"),
    ("docstrings", SIZING, "\nclass A: ...\n", "A: has no docstring"),
    ("docstrings", SIZING, "\nclass Sizing:\n    def size(self): ...\n", "size: has no docstring"),
    ("docstrings", SIZING, '\ndef size_order():\n    """Sizes the order."""\n', "repeats the name"),
    ("docstrings", SIZING, '\ndef f():\n    """Todo"""\n', "is no sentence"),
    ("docstrings", SIZING, '\ndef _f():\n    """What it is for, in words."""\n', "is private"),
    ("docstrings", SIZING, PORT, None),
    ("docstrings", SIZING, "\ndef test_sizing_is_a_sentence(): ...\n", None),
    ("dead names", SIZING, "\ndef test_pytest_finds_me(): ...\n", None),
    ("dead modules", "libs/shared/marea/domain/alone.py", DOC, "nothing that runs imports it"),
    ("dead modules", "tools/alone.py", DOC, "nothing that runs imports it"),
    ("dead modules", "tests/unit/alone.py", DOC, "no test imports it"),
    ("dead modules", "libs/shared/marea/testing/alone.py", DOC, "no test imports it"),
    ("dead modules", "tests/unit/risk/test_core.py", "import marea.domain.sizing\n", None),
    ("dead modules", MAIN, DOC, "sizing.py: nothing that runs imports it"),
    ("dead names", SIZING, "\ndef alone(): ...\n", "alone: nothing that runs refers to it"),
    ("dead names", SIZING, "\nclass Alone: ...\n", "Alone: nothing that runs refers to it"),
    ("dead names", SIZING, "\nALONE = 1\n", "ALONE: nothing that runs refers to it"),
    ("dead names", SIZING, "\nclass Sizing:\n    def alone(self): ...\n", "Sizing.alone: nothing"),
    ("dead names", SIZING, "\n@cache\ndef alone(): ...\n", "alone: nothing that runs refers"),
    ("dead names", SIZING, "\n@app.command()\ndef alone(): ...\n", None),
    ("dead names", "tests/unit/risk/test_core.py", "print(alone)\n", None),
    ("reasons", SIZING, "\nimport os  # noqa\n", "lacks its codes or its reason"),
    ("reasons", SIZING, "\nimport os  # noqa: F401\n", "lacks its codes or its reason"),
    ("reasons", SIZING, "\nX = f()  # type: ignore[misc]\n", "lacks its codes or its reason"),
    ("reasons", SIZING, "\nX = f()  # type: ignore # because of it\n", "lacks its codes"),
    ("reasons", SIZING, "\nX = f()  # fmt: skip\n", "lacks its codes or its reason"),
    ("reasons", SIZING, '\nX = "# noqa"\n', None),
    ("reasons", "pyproject.toml", '[tool.ruff.lint]\nignore = [\n    "D1",\n]\n', '"D1", has no'),
    ("reasons", "pyproject.toml", '[tool.ruff.lint]\nignore = ["D1"]\n', "has no reason"),
    (
        "reasons",
        "pyproject.toml",
        '[tool.ruff.lint.per-file-ignores]\n"a/**" = ["D1"]\n',
        '"a/**" = ["D1"] has no reason',
    ),
    (
        "reasons",
        "pyproject.toml",
        "[[tool.mypy.overrides]]\nignore_missing_imports = true\n",
        "has no reason",
    ),
    (
        "reasons",
        "pyproject.toml",
        '[[tool.importlinter.contracts]]\nignore_imports = [\n    "a -> b",\n]\n',
        '"a -> b", has no reason',
    ),
    ("places", "docs/a.md", "see " + "/ho" + "me/me/marea\n", "is of one machine or a registry"),
    ("places", "tools/a.sh", "cd " + "/wo" + "rk/main\n", "is of one machine or a registry"),
    ("places", "docs/a.md", "C:" + "\\Users\\me\n", "is of one machine or a registry"),
    ("places", "tools/a.sh", "curl https://files.python" + "hosted.org\n", "a registry"),
    ("places", "tools/a.sh", "pip --index" + "-url x\n", "is of one machine or a registry"),
    ("places", "tools/a.sh", "curl https://a.example/b.tar" + ".gz\n", "a registry"),
    ("places", "benchmarks/a.py", "DATA = '../shared" + "/data'\n", "only tests/conftest.py may"),
    ("places", "tests/conftest.py", "DATA = '../shared" + "/data'\n", None),
    ("places", "docs/a.md", "the homework of libs/shared/workers and ~/.cache\n", None),
    (
        "makefile",
        "Makefile",
        ".PHONY: test\n" + "".join(f"t{n}: ## help\n" for n in range(16)),
        "16 targets where 15 may be",
    ),
    ("makefile", "Makefile", ".PHONY: test\ntest:\n\t@pytest\n", "has no help"),
    ("makefile", "Makefile", ".PHONY: test\ntest: ## help\n" + "\t@a\n" * 4, "4 lines where 3"),
    ("makefile", "Makefile", "test: ## help\n\t@pytest\n", "is no file: add it to .PHONY"),
    ("makefile", "Makefile", ".PHONY: all\nall: ## help\n\t@pytest\n", "no page mentions it"),
    ("commands", "README.md", "Run `make tests`.\n", "'make tests' is no command"),
    ("commands", "README.md", "```\nmarea fly --high\n```\n", "'marea fly' is no command"),
    ("commands", "docs/a.md", "We make mistakes, and marea means tide.\n", None),
    ("links", "README.md", "[gone](docs/gone.md)\n", "links to docs/gone.md"),
    ("links", "docs/a.md", "[up](../README.md#top) [out](https://a.example) [me](#me)\n", None),
    ("locks", "requirements/risk.txt", "msgspec==0.21.0 --hash=sha256:0\n", "for 'msgspec>=0.22'"),
    ("locks", "requirements/risk.txt", "# nothing\n", "has msgspec None"),
    ("locks", "requirements/standalone.txt", "msgspec==0.22.0 --hash=sha256:0\n", "typer None"),
    ("locks", "requirements/risk.txt", "msgspec==0.22.1\n", "has no hash"),
]


def complaints(check: str, files: dict[str, bytes]) -> str:
    return "\n".join(map(str, CHECKS[check](Tree(files))))


def good() -> dict[str, bytes]:
    return {path: text.encode() for path, text in GOOD.items()}


@pytest.mark.parametrize("check", CHECKS)
def test_good_checkout_passes(check: str) -> None:
    assert complaints(check, good()) == ""


@pytest.mark.parametrize(("check", "path", "content", "complaint"), BAD)
def test_bad_example_is_seen(
    check: str, path: str, content: str | bytes, complaint: str | None
) -> None:
    files = good()
    added = content.encode() if isinstance(content, str) else content
    files[path] = files.get(path, b"") + added if added.startswith(b"\n") else added
    said = complaints(check, files)
    if complaint is None:
        assert said == ""
    else:
        assert complaint in said


def test_no_check_goes_unwatched() -> None:
    assert {check for check, _, _, complaint in BAD if complaint} == set(CHECKS)


def test_second_plugin_folder_of_a_service_is_seen() -> None:
    files = good() | {"services/risk/a/one.py": b"", "services/risk/b/two.py": b""}
    assert "has the folders a, b: keep one" in complaints("services", files)
