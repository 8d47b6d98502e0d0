"""How is a bug put into the product, and taken out again, by a test and without a trace?

An edit says what it expects to find, and raises `RottenEdit` where that has changed: a bug that is
no longer planted would pass for one that is never found.
"""

import ast
import gc
import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from types import CodeType, FunctionType, MappingProxyType
from typing import Any, Final, Protocol, TypeVar

Node = TypeVar("Node", bound=ast.AST)


class _Gone:
    def __repr__(self) -> str:
        return "GONE"


GONE: Final = _Gone()
"""Instead of a table's value: the entry is not there."""


class RottenEdit(LookupError):
    """The product has not what an edit would change."""


class Edit(Protocol):
    """One change of the product."""

    @property
    def target(self) -> str:
        """What is changed: `module:name`, and after dots what it holds."""
        ...

    def found(self) -> object:
        """What stands there now: equal before and after the edit, and another meanwhile."""
        ...

    @contextmanager
    def made(self) -> Iterator[None]:
        """The product with this change, until the block ends, however it ends."""
        ...


@dataclass(frozen=True)
class CodeEdit:
    """Other code in a function: all that have imported it run it.

    Each key of `changes` is an expression, or statements in a row, as the function's source has
    them exactly once, whatever the layout; the value takes their place.
    """

    target: str
    changes: Mapping[str, str]

    def found(self) -> CodeType:
        return _function(self.target)[0].__code__

    @contextmanager
    def made(self) -> Iterator[None]:
        function, forget = _function(self.target)
        code, attributes = function.__code__, dict(function.__dict__)
        function.__code__ = _edited(function, self)
        forget()
        try:
            yield
        finally:
            function.__code__ = code
            function.__dict__.clear()
            function.__dict__.update(attributes)
            forget()


@dataclass(frozen=True)
class TableEdit:
    """Another value in a table, or none; `keys` lead to it through the tables that it stands in."""

    target: str
    keys: tuple[object, ...]
    was: object
    value: object

    def found(self) -> object:
        return self._table().get(self.keys[-1], GONE)

    @contextmanager
    def made(self) -> Iterator[None]:
        table, key = self._table(), self.keys[-1]
        _expect(self, self.was)
        kept = dict(table)
        if self.value is GONE:
            del table[key]
        else:
            table[key] = self.value
        try:
            yield
        finally:
            table.clear()  # with its order
            table.update(kept)

    def _table(self) -> dict[Any, Any]:
        table = _resolved(self.target)[1]
        for key in self.keys[:-1]:
            table = table[key]
        if isinstance(table, MappingProxyType):
            table = gc.get_referents(table)[0]
        assert isinstance(table, dict), f"{self.target} is no table: edit the code that holds it"
        return table


@dataclass(frozen=True)
class AttributeEdit:
    """Another value under a module's or a class's name; who has imported it keeps the old one."""

    target: str
    was: object
    value: object

    def found(self) -> object:
        return _resolved(self.target)[1]

    @contextmanager
    def made(self) -> Iterator[None]:
        holder, _ = _resolved(self.target)
        name = self.target.rpartition(":")[2].rpartition(".")[2]
        _expect(self, self.was)
        setattr(holder, name, self.value)
        try:
            yield
        finally:
            setattr(holder, name, self.was)


def _expect(edit: Edit, was: object) -> None:
    if edit.found() != was:
        raise RottenEdit(f"{edit.target} is {edit.found()!r}, not {was!r}: plant the bug anew")


def _resolved(target: str) -> tuple[Any, Any]:
    # What holds it, and what it is, no descriptor called.
    module, _, path = target.partition(":")
    holder, found = None, import_module(module)
    for name in path.split("."):
        holder = found
        try:
            found = inspect.getattr_static(holder, name)
        except AttributeError:
            raise RottenEdit(f"{target}: there is no '{name}': plant the bug anew") from None
    return holder, found


def _function(target: str) -> tuple[FunctionType, Callable[[], None]]:
    # The function that runs, whatever it is wrapped in, and what forgets its remembered answers.
    _, found = _resolved(target)
    if isinstance(found, property):
        found = found.fget
    elif isinstance(found, staticmethod | classmethod):
        found = found.__func__
    forget = getattr(found, "cache_clear", lambda: None)
    function = inspect.unwrap(found)
    if not isinstance(function, FunctionType) or function.__name__ == "<lambda>":
        raise RottenEdit(f"{target} is {found!r}, no function that is defined: edit one that is")
    if function.__code__.co_freevars:
        raise RottenEdit(f"{target} stands in another function: edit that one")
    return function, forget


def _edited(function: FunctionType, edit: CodeEdit) -> CodeType:
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    definition = tree.body[0]
    assert isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef), f"{edit.target} is a def"
    definition.decorator_list = []
    body = ast.Module(definition.body, [])
    for old, new in edit.changes.items():
        count = _replace(body, old, new)
        if count != 1:
            raise RottenEdit(
                f"{edit.target} has {count} times, not once:\n{old}\nplant the bug anew"
            )
    ast.increment_lineno(tree, function.__code__.co_firstlineno - 1)
    compiled = compile(tree, function.__code__.co_filename, "exec", dont_inherit=True)
    codes = [each for each in compiled.co_consts if isinstance(each, CodeType)]
    code = next(each for each in codes if each.co_name == definition.name)
    return code.replace(co_qualname=function.__code__.co_qualname)


def _replace(body: ast.Module, old: str, new: str) -> int:
    before, after = _expression(old), _expression(new)
    if before is None or after is None:
        return _replace_statements(body, ast.parse(old).body, ast.parse(new).body)
    replacing = _Replacing(before, after)
    replacing.visit(body)
    return replacing.count


def _expression(text: str) -> ast.expr | None:
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError:
        return None


class _Replacing(ast.NodeTransformer):
    def __init__(self, old: ast.expr, new: ast.expr) -> None:
        self.count = 0
        self._old = ast.dump(old)
        self._new = new

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.expr) and ast.dump(node) == self._old:
            self.count += 1
            return _placed(self._new, node)
        super().generic_visit(node)
        return node


def _replace_statements(body: ast.Module, old: list[ast.stmt], new: list[ast.stmt]) -> int:
    wanted = [ast.dump(each) for each in old]
    places = [
        (block, slice(at, at + len(old)))
        for block in _blocks(body)
        for at in range(len(block) - len(old) + 1)
        if [ast.dump(each) for each in block[at : at + len(old)]] == wanted
    ]
    for block, place in places[:1]:
        block[place] = [_placed(each, block[place][0]) for each in new]
    return len(places)


def _blocks(body: ast.Module) -> Iterator[list[ast.stmt]]:
    for node in ast.walk(body):
        for _, block in ast.iter_fields(node):
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                yield block


def _placed(node: Node, at: ast.AST) -> Node:
    # A trace back shows the line whose place it took.
    for each in ast.walk(node):
        ast.copy_location(each, at)
    return node
