"""What stands around the code: reasons, commands, links, locks, places of one machine."""

import ast
import io
import re
import tokenize
import tomllib
from collections.abc import Iterator
from pathlib import PurePosixPath
from posixpath import normpath

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.tidy.tree import Finding, Function, Tree, is_python

TARGETS_MAX = 15
RECIPE_LINES_MAX = 3

SILENCED = re.compile(
    r"#\s*(noqa|type:\s*ignore|ruff:|mypy:|fmt:|pragma:|nosec|shellcheck disable)"
)
REASON = re.compile(
    r"#\s*(noqa:\s*[A-Z]+\d+[A-Z\d, ]*|type:\s*ignore\[[\w, -]+\]|(ruff|mypy|fmt|pragma)[^#]*)"
    r"\s*#\s*\w+ \w+"
)

SWITCHED_OFF = re.compile(
    r"tool\.ruff\.lint\.per-file-ignores:.*"
    r"|tool\.ruff\.lint:(extend-)?ignore"
    r"|tool\.mypy\.overrides:(ignore_\w+|disable_error_code)"
    r"|tool\.importlinter\.contracts:(unmatched_)?ignore_imports\w*"
)
"""Where `pyproject.toml` switches a gate off: section and key."""

PLACES = re.compile(
    r"(?<![\w.~$}])/(home|root|work|Users|mnt|media)/\w"  # folders of one machine
    r"|[A-Z]:\\\\?Users"
    r"|(pypi|pythonhosted|npmjs|crates|golang|maven|debian|docker)\.(org|io|com)\b"  # registries
    r"|--(extra-)?(index|find)-(url|links)|file:/{2}"
    r"|https?://[^\s\"')]+\.(whl|tgz|zip|deb|tar\.\w+)\b"  # downloads
)
DATA = "shared" + "/data"
DATA_NAMED_IN = "tests/conftest.py"

TARGET = re.compile(r"^([a-z][a-z0-9_-]*):(?!=)([^#\n]*)(## \S.*)?$")
IN_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def check_reasons(tree: Tree) -> Iterator[Finding]:
    """Ignored warnings without a reason on their line."""
    for path in filter(is_python, tree.files):
        for token in tokenize.generate_tokens(io.StringIO(tree.text(path)).readline):
            if token.type == tokenize.COMMENT:
                yield from _judge_comment(path, token.string, token.start[0])
    yield from _judge_settings(tree)


def _judge_comment(path: str, comment: str, line: int) -> Iterator[Finding]:
    if SILENCED.search(comment) and not REASON.search(comment):
        yield Finding(path, f"'{comment}' lacks its codes or its reason: add '# why'", line)


def _judge_settings(tree: Tree) -> Iterator[Finding]:
    section, key = "", ""
    for number, line in enumerate(tree.text("pyproject.toml").splitlines(), 1):
        opened = re.match(r"\[+([\w.-]+)\]+", line)
        named = re.match(r'(?:"([^"]*)"|([\w-]+)) *= *', line)
        if opened:
            section, key = opened[1], ""
        elif named:
            key = named[1] or named[2]
        says = line[named.end() :] if named else line.strip()
        empty = opened or says in ("", "[", "]") or says.startswith("#")
        if not empty and SWITCHED_OFF.fullmatch(f"{section}:{key}") and " # " not in line:
            yield Finding("pyproject.toml", f"{line.strip()} has no reason: add it", number)


def check_places(tree: Tree) -> Iterator[Finding]:
    """Folders of one machine, addresses of registries and downloads, and of the test data."""
    for path in tree.files:
        for number, line in enumerate(tree.text(path).splitlines(), 1):
            found = PLACES.search(line)
            if found:
                text = f"'{found[0]}' is of one machine or a registry: take it from outside"
                yield Finding(path, text, number)
            if DATA in line and path != DATA_NAMED_IN:
                text = f"names the test data: only {DATA_NAMED_IN} may, others take MAREA_DATA"
                yield Finding(path, text, number)


def check_makefile(tree: Tree) -> Iterator[Finding]:
    """Targets that are too many, too long, without help, or that no page mentions."""
    recipes = dict(_recipes(tree))
    if len(recipes) > TARGETS_MAX:
        text = f"{len(recipes)} targets where {TARGETS_MAX} may be: write a tool"
        yield Finding("Makefile", text, measure=len(recipes))
    phony = re.findall(r"^\.PHONY:(.*)$", tree.text("Makefile"), re.MULTILINE)
    pages = "\n".join(map(tree.text, _pages(tree)))
    for target, (helped, length) in recipes.items():
        where = f"Makefile:{target}"
        if not helped:
            yield Finding(where, "has no help: add '## what it does'")
        if length > RECIPE_LINES_MAX:
            text = f"{length} lines where {RECIPE_LINES_MAX} may be: write a tool"
            yield Finding(where, text, measure=length)
        if target not in " ".join(phony).split():
            yield Finding(where, "is no file: add it to .PHONY")
        if not re.search(rf"\bmake {target}\b", pages):
            yield Finding(where, "no page mentions it: say in docs/ when to run it")


def _recipes(tree: Tree) -> Iterator[tuple[str, tuple[bool, int]]]:
    target, helped, length = "", False, 0
    for line in [*tree.text("Makefile").splitlines(), "end:"]:
        found = TARGET.match(line)
        if line.startswith("\t"):
            length += 1
        elif found:
            if target:
                yield target, (helped, length)
            target, helped, length = found[1], bool(found[3]), 0


def check_commands(tree: Tree) -> Iterator[Finding]:
    """Commands in pages that don't exist: `make` targets and subcommands of `marea`."""
    targets = {target for target, _ in _recipes(tree)}
    commands = set(_subcommands(tree))
    for path in _pages(tree):
        for code in IN_CODE.findall(tree.text(path)):
            for tool, name in re.findall(r"(?:^|[`\s])(make|marea) ([a-z][\w-]*)", code):
                if name not in (targets if tool == "make" else commands):
                    yield Finding(path, f"'{tool} {name}' is no command: mend the page")


def _subcommands(tree: Tree) -> Iterator[str]:
    for one in tree.definitions:
        if one.path.startswith("services/standalone/") and isinstance(one.node, Function):
            for decorator in one.node.decorator_list:
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith(
                    ".command"
                ):
                    named = decorator.args and ast.literal_eval(decorator.args[0])
                    yield named or one.node.name.replace("_", "-")


def check_links(tree: Tree) -> Iterator[Finding]:
    """Links in pages to files that aren't there."""
    for path in _pages(tree):
        for target in LINK.findall(tree.text(path)):
            if "://" not in target and not target.startswith("mailto:"):
                linked = normpath(str(PurePosixPath(path).parent / target))
                if not tree.under(linked):
                    yield Finding(path, f"links to {target}, which isn't there: mend it")


def _pages(tree: Tree) -> list[str]:
    return [path for path in tree.files if path.endswith(".md")]


def check_locks(tree: Tree) -> Iterator[Finding]:
    """Locked versions that no longer are what `pyproject.toml` asks for, or have no hash."""
    project = tomllib.loads(tree.text("pyproject.toml"))["project"]
    for path in tree.under("requirements/"):
        locked = dict(re.findall(r"^([\w.-]+)==([^\s;]+)", tree.text(path), re.MULTILINE))
        entries = re.split(r"\n(?=\S)", tree.text(path))
        for entry in entries:
            if "==" in entry and "--hash=" not in entry:
                yield Finding(path, f"'{entry.strip()}' has no hash: make lock")
        extra = PurePosixPath(path).stem
        for wanted in _wanted(project, extra):
            version = locked.get(canonicalize_name(wanted.name))
            if version is None or not wanted.specifier.contains(version, prereleases=True):
                yield Finding(path, f"has {wanted.name} {version} for '{wanted}': make lock")


def _wanted(project: dict[str, dict[str, list[str]]], extra: str) -> Iterator[Requirement]:
    extras = project["optional-dependencies"]
    if extra not in extras:
        return
    for text in [*project["dependencies"], *extras[extra]]:
        wanted = Requirement(text)
        if wanted.name != "marea":
            yield wanted
        else:
            for inner in sorted(wanted.extras):
                yield from _wanted(project, inner)
