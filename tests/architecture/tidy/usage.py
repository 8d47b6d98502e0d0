"""Whether what is written is also used: every module, every public name."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath

from tests.architecture.tidy.tree import Definition, Finding, Function, Tree, dotted, is_case

LIVE = ("libs/", "services/")
TESTING = "libs/shared/marea/testing/"
"""Tests keep it alive; they keep nothing else alive, or dead code with a test would pass."""

PAPERS = ("Makefile", "pyproject.toml", "README.md", ".ci/run", "docs/", "tools/install.sh")
"""Where a tool or a benchmark is named that somebody is to run."""

PROCESS = re.compile(r"services/\w+/__main__\.py")
"""What a service's process begins with."""

PLAIN_DECORATORS = """cache classmethod contextmanager dataclass final lru_cache override property
runtime_checkable staticmethod total_ordering"""
"""They change a function and keep no list of it; any other is taken to register it somewhere."""


def check_dead_modules(tree: Tree) -> Iterator[Finding]:
    """Python files that no entry point reaches, and that no test is."""
    imports = {path: set(_imported(path, module)) for path, module in tree.modules.items()}
    of_name = {dotted(path): path for path in tree.modules}
    tests = {path for path in tree.modules if _is_test(path)}
    reached = _reach(_entry_points(tree), imports, of_name)
    from_tests = _reach(tests, imports, of_name)
    for path in tree.modules:
        if path.startswith(("tests/", TESTING)):
            if path not in from_tests:
                yield Finding(path, "no test imports it: use it or delete it")
        elif path not in reached:
            yield Finding(path, "nothing that runs imports it: wire it or delete it")


def _is_test(path: str) -> bool:
    name = PurePosixPath(path).name
    return path.startswith("tests/") and (name.startswith("test_") or name == "conftest.py")


def _entry_points(tree: Tree) -> set[str]:
    images = [path for path in tree.files if path.endswith("/Dockerfile")]
    papers = "\n".join(map(tree.text, [*tree.under(*PAPERS), *images]))
    named = {path for path in tree.modules if path in papers or _runs(dotted(path), papers)}
    named |= {path for path in tree.modules if PROCESS.fullmatch(path)}
    return named - {path for path in named if path.startswith("tests/")}


def _runs(name: str, papers: str) -> bool:
    name = name.removesuffix(".__main__")
    return (
        re.search(rf'(-m"?,? "?{re.escape(name)}(?![\w.])|"{re.escape(name)}:\w+")', papers)
        is not None
    )


def _imported(path: str, module: ast.Module) -> Iterator[str]:
    here = [*PurePosixPath(path.removeprefix("libs/shared/")).parts]
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = ".".join(here[: -node.level]) + "." if node.level else ""
            base = f"{above}{node.module or ''}".strip(".")
            yield base
            yield from (f"{base}.{name.name}" for name in node.names)


def _reach(roots: set[str], imports: dict[str, set[str]], of_name: dict[str, str]) -> set[str]:
    reached: set[str] = set()
    waiting = list(roots)
    while waiting:
        path = waiting.pop()
        if path not in reached:
            reached.add(path)
            names = {dotted(path), *imports[path]}
            packages = {above for name in names for above in _packages(name)}
            waiting += [of_name[name] for name in names | packages if name in of_name]
    return reached


def _packages(name: str) -> Iterator[str]:
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


def check_dead_names(tree: Tree) -> Iterator[Finding]:
    """Public functions, classes, methods and constants that nothing but tests refers to."""
    used: Counter[str] = Counter(re.findall(r'"[\w.]+:(\w+)"', tree.text("pyproject.toml")))
    used_by_tests: Counter[str] = Counter()
    for path, module in tree.modules.items():
        (used_by_tests if path.startswith("tests/") else used).update(_referred(module))
    for where, path, name, line in _public(tree):
        if not used[name] and not (path.startswith(TESTING) and used_by_tests[name]):
            yield Finding(where, "nothing that runs refers to it: wire it or delete it", line)


def _referred(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.alias):
            yield node.name.rpartition(".")[2]


def _public(tree: Tree) -> Iterator[tuple[str, str, str, int]]:
    for one in tree.definitions:
        if one.path.startswith(LIVE) and one.public and not (_registered(one) or is_case(one)):
            yield one.where, one.path, one.node.name, one.node.lineno
    for path in tree.under(*LIVE):
        for statement in tree.modules[path].body if path in tree.modules else ():
            for name in _assigned(statement):
                if re.match(r"[a-zA-Z]", name):
                    yield f"{path}:{name}", path, name, statement.lineno


def _assigned(statement: ast.stmt) -> list[str]:
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _registered(one: Definition) -> bool:
    return isinstance(one.node, Function) and any(
        ast.unparse(decorator).partition("(")[0].split(".")[-1] not in PLAIN_DECORATORS.split()
        for decorator in one.node.decorator_list
    )
