"""Whether names use the glossary's words, and whether public things say what they are for."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import PurePosixPath

from tests.architecture.tidy.tree import (
    Definition,
    Finding,
    Function,
    Tree,
    is_case,
    is_python,
    parameters,
)

GLOSSARY = "docs/glossary.md"
OURS = ("libs/", "services/", "tools/", "benchmarks/")
"""Where names are ours; the sentences that name tests may use anybody's words."""

BARE = {"amount", "value", "limit", "size", "pnl"}
"""A field of this name alone is a question: of what, in which unit?"""

EMPTY_WORDS = """a an and the of to in on for with from by as is are be it its this that class function
method module package object return returns get gets set sets given new"""

Words = tuple[str, ...]


@dataclass(frozen=True)
class Glossary:
    """The words to use, and for each word not to use the one to use instead."""

    terms: frozenset[Words]
    synonyms: dict[Words, str]


def read_glossary(tree: Tree) -> Glossary:
    """The tables of the glossary: `| use | for | unit | not |`."""
    terms: set[Words] = set()
    synonyms: dict[Words, str] = {}
    for line in tree.text(GLOSSARY).splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|") or len(cells) != 4 or cells[0] in ("use", "---"):
            continue
        terms.update(split_words(term) for term in re.sub(r"\(.*?\)", "", cells[0]).split(","))
        for synonym in re.findall(r"`([^`]+)`", cells[3]):
            synonyms.setdefault(split_words(synonym), cells[0])
    return Glossary(frozenset(terms), synonyms)


def split_words(name: str) -> Words:
    """The words of a name in any case: `HTTPPort`, `net_qty` and `dead letter` have two each."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return tuple(word.lower() for word in re.split(r"[\W_]+", spaced) if word)


def check_words(tree: Tree) -> Iterator[Finding]:
    """Names that use another word than the glossary for something it names."""
    glossary = read_glossary(tree)
    if not glossary.synonyms:
        yield Finding(GLOSSARY, "has no table of words to use and not to use: write one")
    for where, name, line in _names(tree):
        for synonym, use in glossary.synonyms.items():
            if _uses(split_words(name), synonym, glossary.terms):
                text = f"says '{' '.join(synonym)}': the glossary's word is '{use}'"
                yield Finding(where, text, line)


def check_bare_names(tree: Tree) -> Iterator[Finding]:
    """Fields whose name says neither of what nor in which unit."""
    for one in _definitions(tree):
        if isinstance(one.node, ast.ClassDef):
            for name, line in _fields(one.node):
                if name in BARE:
                    text = "is a question: say of what, and put the unit last"
                    yield Finding(f"{one.where}.{name}", text, line)


def _uses(words: Words, synonym: Words, terms: frozenset[Words]) -> bool:
    span = len(synonym)
    for start in range(len(words) - span + 1):
        if tuple(map(_singular, words[start : start + span])) == tuple(map(_singular, synonym)):
            return not any(_covers(words, term, start, start + span) for term in terms)
    return False


def _covers(words: Words, term: Words, start: int, end: int) -> bool:
    return any(
        words[first : first + len(term)] == term and first <= start and end <= first + len(term)
        for first in range(len(words) - len(term) + 1)
    )


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _definitions(tree: Tree) -> Iterator[Definition]:
    return (one for one in tree.definitions if one.path.startswith(OURS))


def _names(tree: Tree) -> Iterator[tuple[str, str, int]]:
    for path in filter(is_python, tree.under(*OURS)):
        yield path, PurePosixPath(path).stem, 0
        for name, line in _fields(tree.modules[path]):
            yield f"{path}:{name}", name, line
    for one in _definitions(tree):
        yield one.where, one.node.name, one.node.lineno
        inner = _fields(one.node) if isinstance(one.node, ast.ClassDef) else _arguments(one.node)
        for name, line in inner:
            yield f"{one.where}.{name}", name, line


def _arguments(node: Function) -> Iterator[tuple[str, int]]:
    return ((arg.arg, arg.lineno) for arg in parameters(node))


def _fields(node: ast.ClassDef | ast.Module) -> Iterator[tuple[str, int]]:
    held = node.body if isinstance(node, ast.Module) else [*node.body, *_sets_attributes(node)]
    for statement in held:
        for target in _targets(statement):
            if isinstance(target, ast.Name):
                yield target.id, target.lineno
            elif isinstance(target, ast.Attribute):
                yield target.attr, target.lineno


def _sets_attributes(node: ast.ClassDef) -> Iterator[ast.stmt]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.stmt) and any(map(_is_own, _targets(inner))):
            yield inner


def _is_own(target: ast.expr) -> bool:
    return isinstance(target, ast.Attribute) and ast.unparse(target.value) == "self"


def _targets(node: ast.stmt) -> list[ast.expr]:
    if isinstance(node, ast.Assign):
        return list(chain.from_iterable(map(_parts, node.targets)))
    return [node.target] if isinstance(node, ast.AnnAssign) else []


def _parts(target: ast.expr) -> list[ast.expr]:
    return target.elts if isinstance(target, ast.Tuple) else [target]


def check_docstrings(tree: Tree) -> Iterator[Finding]:
    """Public things that don't say what they are for, and private ones with a docstring."""
    for path in filter(is_python, tree.under(*OURS)):
        yield from _judge(path, PurePosixPath(path).stem, ast.get_docstring(tree.modules[path]), 1)
    ports = [one.node for one in _definitions(tree) if _is_port(one.node)]
    told = {name for port in ports for name in _told(port)}
    for one in _definitions(tree):
        text = ast.get_docstring(one.node)
        said = is_case(one) or (not text and one.owner and one.node.name in told)
        if one.public and not said:
            yield from _judge(one.where, one.node.name, text, one.node.lineno)
        elif text and _is_private(one):
            reason = "is private: a name is enough, or a comment that says why"
            yield Finding(one.where, reason, one.node.lineno)


def _is_port(node: ast.AST) -> bool:
    return isinstance(node, ast.ClassDef) and "Protocol" in map(ast.unparse, node.bases)


def _told(port: ast.AST) -> Iterator[str]:
    # what a port says of a verb holds of every implementation; a property of it is a field
    for child in ast.iter_child_nodes(port):
        if isinstance(child, Function):
            is_field = "property" in map(ast.unparse, child.decorator_list)
            if is_field or ast.get_docstring(child):
                yield child.name


def _is_private(one: Definition) -> bool:
    return isinstance(one.node, Function) and bool(re.match(r"_(?!_)", one.node.name))


def _judge(where: str, name: str, text: str | None, line: int) -> Iterator[Finding]:
    first = (text or "").split("\n\n")[0]
    said = [word for word in split_words(first) if word not in EMPTY_WORDS.split()]
    own = {_singular(word) for word in split_words(name)}
    if not text:
        yield Finding(where, "has no docstring: say which question it settles", line)
    elif len(split_words(first)) < 3 or not re.search(r"[.?!:]\W*$", first):
        yield Finding(where, "its docstring is no sentence: say which question it settles", line)
    elif all(_singular(word) in own for word in said):
        yield Finding(where, "its docstring repeats the name: say what that doesn't", line)
