"""What may not stand where decisions are made, because it isn't the same everywhere."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.tidy.tree import Finding, Tree

EXACT = re.compile(r"libs/shared/marea/(kernels|domain)/|services/signals/(strategies|core)/")
"""Where only the four operations, comparisons and a few functions of `math` are equal, plain and compiled."""

ORDERED = re.compile(rf"{EXACT.pattern}|libs/shared/marea/messages/|services/\w+/core(\.py|/)")
"""Where the order of every walk must be the same in every run."""

COMPILED = "libs/shared/marea/kernels/compiled.py"
"""The second driver, for research: it compiles the kernels, and has none of their arithmetic."""

MATH = {"sqrt", "exp", "log", "isfinite", "isnan", "isinf", "inf", "nan"}
BUILTINS = {"sum", "pow", "round"}
ROOTS = ("numpy", "numba", "statistics", "cmath", "scipy", "fractions")

SET_TYPES = {"set", "frozenset", "Set", "AbstractSet", "MutableSet"}
SET_METHODS = {"union", "intersection", "difference", "symmetric_difference"}
WALKS = {
    "list",
    "tuple",
    "iter",
    "enumerate",
    "zip",
    "map",
    "filter",
    "dict",
    "fromkeys",
    "join",
    "reversed",
    "next",
}


def check_arithmetic(tree: Tree) -> Iterator[Finding]:
    """Arithmetic in kernels, domain and strategies that differs between plain and compiled."""
    for path, module in tree.modules.items():
        if EXACT.match(path) and path != COMPILED:
            for node in ast.walk(module):
                wrong = _inexact(node)
                if wrong:
                    yield Finding(path, f"{wrong} is not the same everywhere", _line(node))


def _inexact(node: ast.AST) -> str | None:
    match node:
        case ast.BinOp(op=ast.Pow()) | ast.AugAssign(op=ast.Pow()):
            return "'**'"
        case ast.Call(func=ast.Name(id=name)) if name in BUILTINS:
            return f"'{name}()'"
        case ast.Attribute(value=ast.Name(id="math"), attr=name) if name not in MATH:
            return f"'math.{name}'"
        case ast.keyword(arg="fastmath"):
            return "'fastmath'"
        case ast.Import(names=names):
            return next((f"'{n.name}'" for n in names if n.name.split(".")[0] in ROOTS), None)
        case ast.ImportFrom(module="math", names=names):
            return next((f"'math.{n.name}'" for n in names if n.name not in MATH), None)
        case ast.ImportFrom(module=str(name)) if name.split(".")[0] in ROOTS:
            return f"'{name}'"
    return None


def check_set_walks(tree: Tree) -> Iterator[Finding]:
    """Walks over sets where decisions are made: their order is another in every process."""
    for path, module in tree.modules.items():
        if ORDERED.match(path):
            sets = _Sets(module)
            for node in ast.walk(module):
                for walked in _walked(node):
                    if sets.holds(walked):
                        text = f"walks the set '{ast.unparse(walked)}': sort it, or keep a dict"
                        yield Finding(path, text, _line(walked))


def _walked(node: ast.AST) -> list[ast.expr]:
    match node:
        case ast.For(iter=walked) | ast.AsyncFor(iter=walked) | ast.comprehension(iter=walked):
            return [walked]
        case ast.Starred(value=walked) | ast.YieldFrom(value=walked):
            return [walked]
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args):
            if name in WALKS:
                return args
            if name == "pop" and not args and isinstance(node.func, ast.Attribute):
                return [node.func.value]
    return []


class _Sets:
    def __init__(self, module: ast.Module) -> None:
        self.names = {name for node in ast.walk(module) for name in self._named(node)}

    def holds(self, node: ast.expr) -> bool:
        match node:
            case ast.Set() | ast.SetComp():
                return True
            case ast.Name(id=name) | ast.Attribute(attr=name):
                return name in self.names
            case ast.Call(func=ast.Name(id=name)):
                return name in SET_TYPES
            case ast.Call(func=ast.Attribute(attr=name)):
                return name in SET_METHODS
            case ast.BinOp(op=ast.BitOr() | ast.BitAnd() | ast.Sub() | ast.BitXor()):
                return any(self.holds(side) or _is_keys(side) for side in (node.left, node.right))
        return False

    def _named(self, node: ast.AST) -> list[str]:
        match node:
            case ast.AnnAssign(target=target, annotation=annotation) if _is_set_type(annotation):
                return _names([target])
            case ast.arg(arg=name, annotation=ast.expr() as annotation):
                return [name] if _is_set_type(annotation) else []
            case ast.Assign(targets=targets, value=ast.Set() | ast.SetComp()):
                return _names(targets)
            case ast.Assign(targets=targets, value=ast.Call(func=ast.Name(id=name))):
                return _names(targets) if name in SET_TYPES else []
        return []


def _is_keys(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".keys")


def _is_set_type(annotation: ast.expr) -> bool:
    return ast.unparse(annotation).partition("[")[0].split(".")[-1] in SET_TYPES


def _names(targets: list[ast.expr]) -> list[str]:
    return [
        target.id if isinstance(target, ast.Name) else target.attr
        for target in targets
        if isinstance(target, ast.Name | ast.Attribute)
    ]


def _line(node: ast.AST) -> int:
    return getattr(node, "lineno", 0)
