"""Every code, message and phrase has its text in both languages, and no text is idle."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import pytest
from msgspec import Meta
from msgspec.structs import replace

from marea.messages.forms import form_of
from marea.messages.orders import OrderSent
from marea.messages.system import DeadLetter
from marea.messages.types import TYPES
from marea.testing.examples import EXAMPLES, example, record_of
from services.risk.core import reasons as risk
from services.standalone.words import Words, choose_words
from services.standalone.words.codes import ACCOUNTS, CODES
from services.standalone.words.gates import GATES
from services.standalone.words.names import NAMES
from services.standalone.words.phrases import PHRASES
from services.standalone.words.report import REPORT
from services.standalone.words.sentences import DENIED, SENTENCES
from services.standalone.words.text import Language

TABLES = {
    "accounts": ACCOUNTS,
    "codes": CODES,
    "gates": GATES,
    "names": NAMES,
    "phrases": PHRASES,
    "report": REPORT,
    "sentences": SENTENCES,
}
DESCRIBED = re.compile(r"\bcode: (?P<codes>[^;]+)")
CODE = re.compile(r"[A-Za-z_0-9]+")
NOT_SHOWN = {"contiguous", "linked"}
"""How deltas follow: no sentence tells it."""


def gaps_of(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name is not None)


def fields_of(text: str) -> set[str]:
    return set(gaps_of(text))


def codes_of_messages() -> set[str]:
    """What the fields of messages may hold: literals, and the codes that descriptions list."""
    found: set[str] = set()
    for kind in TYPES.values():
        for hint in get_type_hints(kind, include_extras=True).values():
            found.update(_literals(hint))
            for meta in _metas(hint):
                told = DESCRIBED.search(meta.description or "")
                listed = told["codes"].split(", ") if told else []
                found.update(code for code in listed if CODE.fullmatch(code))
    return found - NOT_SHOWN


def constants(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


def codes_declared(module: ast.Module) -> Iterator[str]:
    """A service's reasons: `HALTED = "HALTED"`, and what is given as `reasons=(…)`."""
    for node in ast.walk(module):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(code))):
                if name == code:
                    yield code
            case ast.keyword(arg="reasons", value=ast.Tuple()):
                yield from constants(node.value)
            case ast.Call(
                func=ast.Name(id="UnreadableMessage"), args=[ast.Constant(value=str(code)), *_]
            ):
                yield code
            case _:
                pass


@pytest.fixture(scope="module")
def modules(root: Path) -> dict[Path, ast.Module]:
    """What runs, apart from the words themselves."""
    words = root / "services/standalone/words"
    paths = [*root.glob("services/**/*.py"), *root.glob("libs/shared/marea/**/*.py")]
    return {
        path: ast.parse(path.read_text(encoding="utf-8"))
        for path in paths
        if words not in path.parents and "testing" not in path.parts
    }


def test_every_code_has_a_text(modules: dict[Path, ast.Module]) -> None:
    declared = {code for module in modules.values() for code in codes_declared(module)}
    assert sorted((declared | codes_of_messages()) - set(CODES)) == []


def test_every_gate_of_risk_has_a_label() -> None:
    assert list(GATES) == list(risk.GATES)


def test_no_code_is_idle(modules: dict[Path, ast.Module]) -> None:
    written = {text for module in modules.values() for text in constants(module)}
    assert sorted(set(CODES) - written - codes_of_messages()) == []


def _literals(hint: Any) -> Iterator[str]:
    if get_origin(hint) is Literal:
        yield from get_args(hint)
    for part in get_args(hint):
        if not isinstance(part, (str, Meta)):
            yield from _literals(part)


def _metas(hint: Any) -> Iterator[Meta]:
    if get_origin(hint) is Annotated:
        yield from (part for part in hint.__metadata__ if isinstance(part, Meta))


def test_every_message_has_a_name_and_a_sentence() -> None:
    assert set(NAMES) == set(TYPES)
    assert set(SENTENCES) == {*TYPES, DENIED}


@pytest.mark.parametrize("table", TABLES)
def test_both_languages_have_a_text_with_the_same_fields(table: str) -> None:
    for key, text in TABLES[table].items():
        assert text.en, key
        assert text.es, key
        assert gaps_of(text.en) == gaps_of(text.es), key


def test_sentences_name_fields_of_their_message() -> None:
    for kind, text in SENTENCES.items():
        on_wire = {field.name for field in form_of(kind.partition(" ")[0]).fields}
        assert fields_of(text.en) - {"numbers", "entries"} <= on_wire, kind


@pytest.mark.parametrize("language", get_args(Language))
def test_every_message_can_be_told(language: Language) -> None:
    words = Words(language)
    for kind, message in EXAMPLES.items():
        said = words.sentence(record_of(message))
        assert said.isprintable(), kind
        assert "{" not in said, kind


def test_no_phrase_is_idle(modules: dict[Path, ast.Module], root: Path) -> None:
    shown = modules | {
        path: ast.parse(path.read_text(encoding="utf-8"))
        for path in [root / "services/standalone/words/__init__.py"]
    }
    written = {text for module in shown.values() for text in constants(module)}
    assert sorted(set(PHRASES) - written) == []


def test_language_is_the_one_asked_for_else_that_of_the_environment() -> None:
    spanish = {"LANG": "es_ES.UTF-8"}
    assert choose_words(None, spanish).language == "es"
    assert choose_words("en", spanish).language == "en"
    assert choose_words(None, {"LC_ALL": "C", **spanish}).language == "en"
    assert choose_words(None, {"LC_MESSAGES": "es_MX", "LANG": "de_DE"}).language == "es"
    assert choose_words(None, {"LC_ALL": "", **spanish}).language == "es"
    assert choose_words(None, {}).language == "en"


def test_code_without_a_text_shows_as_it_is() -> None:
    assert Words("es").code("NEW_CODE") == "NEW_CODE"
    assert Words("es").gate("NEW_CODE") == "NEW_CODE"


def test_transaction_is_told_entry_by_entry() -> None:
    said = Words("es").sentence(record_of(EXAMPLES["JournalPosted"]))
    assert "monedero 0.00300000 BTC, plataforma -0.00300000 BTC, " in said


def test_difference_is_told_with_what_each_side_holds() -> None:
    said = Words("en").sentence(record_of(EXAMPLES["ReconciliationDone"]))
    assert said.endswith("enough: BTC, ours 809190, the venue's 809490")


def test_price_that_is_not_known_is_no_zero() -> None:
    sent = replace(example(OrderSent), bid_price=0)
    assert "best bid (none known), best ask 61672.02" in Words("en").sentence(record_of(sent))


def test_value_from_outside_can_not_move_the_cursor() -> None:
    evil = record_of(replace(example(DeadLetter), detail="\x1b[2J"))
    assert Words("en").sentence(evil).endswith(": \\x1b[2J")
