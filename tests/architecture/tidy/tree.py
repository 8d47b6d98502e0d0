"""What the checks look at: the files of a checkout, read once, and what they find there."""

import ast
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

LIBRARY = "libs/shared/"
"""The folder that imports of `marea` start from."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that breaks a rule, and where."""

    where: str
    """The file, and after a colon what it is about: `libs/shared/marea/a.py:Book.apply`."""
    text: str
    """What is wrong, and what to do."""
    line: int = 0
    measure: int = 0
    """How large it is, where the rule is a ceiling."""

    def __str__(self) -> str:
        """What a reader needs to find and mend it."""
        path, _, name = self.where.partition(":")
        place = f"{path}:{self.line}" if self.line else path
        return f"{place}: {name}: {self.text}" if name else f"{place}: {self.text}"


@dataclass(frozen=True)
class Definition:
    """A class or a function, with what it stands in."""

    path: str
    name: str
    """With its owners: `Book.apply`."""
    node: Function | ast.ClassDef
    owner: ast.ClassDef | Function | None

    @property
    def where(self) -> str:
        """The key of a finding about it."""
        return f"{self.path}:{self.name}"

    @property
    def public(self) -> bool:
        """Whether others may use it: no part of its name is private, and no function holds it."""
        parts = self.name.split(".")
        return not isinstance(self.owner, Function) and not any(p.startswith("_") for p in parts)


class Tree:
    """The files of a checkout by their path; those of Python also parsed."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = dict(sorted(files.items()))

    @classmethod
    def of_checkout(cls, root: Path) -> "Tree":
        """What git tracks, and what it would track; fails where git can't tell."""
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=root,
            check=True,
            capture_output=True,
        )
        paths = [path for path in listed.stdout.decode().split("\0") if (root / path).is_file()]
        assert len(paths) > 20, f"git lists only {paths}: this is no checkout of Marea"
        return cls({path: (root / path).read_bytes() for path in paths})

    def text(self, path: str) -> str:
        """A file as text; empty where there is none."""
        return self.files.get(path, b"").decode(errors="replace")

    def under(self, *folders: str) -> list[str]:
        """The paths that begin with one of these."""
        return [path for path in self.files if path.startswith(folders)]

    @cached_property
    def modules(self) -> dict[str, ast.Module]:
        """Every Python file, parsed."""
        return {path: ast.parse(self.text(path), path) for path in self.files if is_python(path)}

    @cached_property
    def definitions(self) -> list[Definition]:
        """Every class and function of every Python file, those inside others too."""
        return [one for path, module in self.modules.items() for one in _inside(path, module)]


def is_case(one: Definition) -> bool:
    """Whether it is a test, whose name is a sentence and which pytest finds by itself."""
    return one.node.name.startswith("test_")


def is_python(path: str) -> bool:
    """Whether the file holds Python."""
    return path.endswith(".py")


def dotted(path: str) -> str:
    """The name that a Python file is imported by: `marea.bus.port`."""
    parts = PurePosixPath(path.removeprefix(LIBRARY)).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def parameters(node: Function) -> list[ast.arg]:
    """What a function is given, without `self`."""
    given = node.args
    every = [*given.posonlyargs, *given.args, given.vararg, *given.kwonlyargs, given.kwarg]
    return [arg for arg in every if arg is not None and arg.arg not in ("self", "cls")]


def _inside(
    path: str, node: ast.AST, owner: ast.ClassDef | Function | None = None, prefix: str = ""
) -> Iterator[Definition]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef | Function):
            name = prefix + child.name
            yield Definition(path, name, child, owner)
            yield from _inside(path, child, child, f"{name}.")
        else:
            yield from _inside(path, child, owner, prefix)
