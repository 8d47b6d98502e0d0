"""How large things may be, what they may be called, and what a service's folder holds."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import PurePosixPath

from tests.architecture.tidy.tree import Definition, Finding, Function, Tree, is_python, parameters

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
PARAMETERS_MAX = 6
PUBLIC_METHODS_MAX = 10
COMPLEXITY_MAX = 8
BYTES_MAX = 1_000_000

CODE = (".py", ".sh", ".ts", ".tsx", ".ci/run")

WORDS_THAT_REFUSE_NOTHING = {
    "util",
    "utils",
    "helper",
    "helpers",
    "common",
    "misc",
    "stuff",
    "dummy",
}
CLASS_ENDINGS = ("Manager", "Helper", "Processor", "Info", "Data", "Impl", "Utils")
SIBLING = re.compile(r"(_(v\d+|new|old|bak|tmp|base\d+)|V\d+|New|Old)$")
VERSION = re.compile(r"_v\d+$")

SERVICE_FILES = {
    "service.toml",
    "config.py",
    "main.py",
    "shell.py",
    "__init__.py",
    "__main__.py",
    "Dockerfile",
    "README.md",
}
COPIER = "recorder"
"""It has no core, as it decides nothing: it copies, in order, without loss. In the core's place stand
the port of a store (`sink.py`) and what drives the stores (`shell/`); they are its plugins."""
COMPOSITION = "standalone"
"""It has no core: it puts the others into one process, and holds the `marea` command."""


def check_ceilings(tree: Tree) -> Iterator[Finding]:
    """Files, functions, parameters, public methods and branches that don't fit a screen."""
    for path in tree.files:
        if path.endswith(CODE):
            length = len(tree.text(path).splitlines())
            yield from _over(path, 1, "lines", length, FILE_LINES_MAX)
    for one in tree.definitions:
        if isinstance(one.node, Function):
            yield from _function_ceilings(one, one.node)
        elif not one.path.startswith("tests/"):
            count, line = len(_public_methods(one.node)), one.node.lineno
            yield from _over(one.where, line, "public methods", count, PUBLIC_METHODS_MAX)


def _function_ceilings(one: Definition, node: Function) -> Iterator[Finding]:
    length = (node.end_lineno or node.lineno) - node.lineno + 1
    yield from _over(one.where, node.lineno, "lines", length, FUNCTION_LINES_MAX)
    yield from _over(one.where, node.lineno, "parameters", len(parameters(node)), PARAMETERS_MAX)
    yield from _over(one.where, node.lineno, "complexity", complexity(node), COMPLEXITY_MAX)


def _over(where: str, line: int, what: str, measure: int, ceiling: int) -> Iterator[Finding]:
    if measure > ceiling:
        text = f"{measure} {what} where {ceiling} may be: split it"
        yield Finding(f"{where} {what}", text, line, measure)


def _public_methods(node: ast.ClassDef) -> set[str]:
    return {
        child.name
        for child in node.body
        if isinstance(child, Function) and not child.name.startswith(("_", "test_"))
    }


def complexity(node: ast.AST) -> int:
    """McCabe's number, as ruff has it: one more than the branches of statements."""
    branches = 0
    for inner in ast.walk(node):
        if isinstance(inner, ast.If | ast.For | ast.AsyncFor | ast.While | ast.ExceptHandler):
            branches += 1
        elif isinstance(inner, ast.Try):
            branches += bool(inner.orelse)
        elif isinstance(inner, Function):
            branches += inner is not node
        elif isinstance(inner, ast.match_case):
            branches += not _takes_all(inner)
    return branches + 1


def _takes_all(case: ast.match_case) -> bool:
    pattern = case.pattern
    return isinstance(pattern, ast.MatchAs) and pattern.pattern is None and case.guard is None


def check_names(tree: Tree) -> Iterator[Finding]:
    """Names of modules and classes that say nothing, or that stand beside an older sibling."""
    for path in filter(is_python, tree.files):
        *folders, stem = PurePosixPath(path).with_suffix("").parts
        for word in WORDS_THAT_REFUSE_NOTHING.intersection([*folders, stem]):
            yield Finding(path, f"'{word}' refuses nothing: name what it is about")
        if folders and stem.startswith(f"{folders[-1]}_"):
            yield Finding(path, "repeats its folder's name: leave that away")
        if SIBLING.search(stem):
            yield Finding(path, "stands beside an older one: replace that and delete it")
    for one in tree.definitions:
        name = one.node.name
        is_class = isinstance(one.node, ast.ClassDef)
        if is_class and name.endswith(CLASS_ENDINGS):
            yield Finding(one.where, "its ending says nothing: name what it is", one.node.lineno)
        if (SIBLING if is_class else VERSION).search(name):
            text = "stands beside an older one: replace that and delete it"
            yield Finding(one.where, text, one.node.lineno)


def check_services(tree: Tree) -> Iterator[Finding]:
    """Whether a service has one name everywhere, and the same files as the others."""
    extras = tomllib.loads(tree.text("pyproject.toml"))["project"]["optional-dependencies"]
    for name in sorted({path.split("/")[1] for path in tree.under("services/") if "/" in path[9:]}):
        if name not in extras:
            yield Finding("pyproject.toml", f"no extra is called '{name}': add it")
        if f"requirements/{name}.txt" not in tree.files:
            yield Finding(f"requirements/{name}.txt", "is missing: lock the service's packages")
        yield from _service_name(tree, name)
        if name != COMPOSITION:
            yield from _service_files(tree, name)


def _service_name(tree: Tree, name: str) -> Iterator[Finding]:
    folder = f"services/{name}"
    if not name.isalpha() or not name.islower():
        yield Finding(folder, "Kubernetes forbids '_', Python forbids '-': use one word")
    said = tomllib.loads(tree.text(f"{folder}/service.toml")).get("name")
    if said != name:
        yield Finding(f"{folder}/service.toml", f"name is {said!r}: write '{name}'")


def _service_files(tree: Tree, name: str) -> Iterator[Finding]:
    folder = f"services/{name}"
    if not tree.under(f"tests/unit/{name}/"):
        yield Finding(f"tests/unit/{name}", "is missing: a core is tested, events in, events out")
    heart, folder_of_heart = ("sink.py", "shell") if name == COPIER else ("core.py", "core")
    if not tree.under(f"{folder}/{heart}", f"{folder}/{folder_of_heart}/"):
        yield Finding(
            folder, f"has no {heart} and no {folder_of_heart}/: a service decides something"
        )
    plugins = set()
    for path in tree.under(f"{folder}/"):
        first, *rest = path.removeprefix(f"{folder}/").split("/")
        if rest and first != folder_of_heart:
            plugins.add(first)
        elif not rest and first not in SERVICE_FILES | {heart}:
            yield Finding(path, "no service has such a file: core.py, core/ or the plugin folder")
    if len(plugins) > 1:
        yield Finding(folder, f"has the folders {', '.join(sorted(plugins))}: keep one of them")


def check_weight(tree: Tree) -> Iterator[Finding]:
    """Files that are no text, or too large to be read."""
    for path, content in tree.files.items():
        if len(content) > BYTES_MAX:
            text = f"{len(content)} bytes where {BYTES_MAX} may be: keep it outside"
            yield Finding(path, text, measure=len(content))
        try:
            if "\0" in content.decode():
                yield Finding(path, "holds a NUL: the repository takes text only")
        except UnicodeDecodeError:
            yield Finding(path, "is not UTF-8: the repository takes text only")
