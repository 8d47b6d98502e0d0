"""What a person is told, in the person's language: codes and messages become sentences here."""

from collections.abc import Mapping
from typing import Any, get_args

from marea.messages.envelope import Record
from marea.messages.portfolio import JournalPosted, RiskDecision
from marea.messages.wire import to_wire
from services.standalone.moments import time_text
from services.standalone.words.codes import ACCOUNTS, CODES
from services.standalone.words.gates import GATES
from services.standalone.words.names import NAMES
from services.standalone.words.phrases import PHRASES
from services.standalone.words.sentences import DENIED, SENTENCES
from services.standalone.words.text import Language

ZERO_IS_NONE = ("bid_price", "ask_price", "arrival_price", "stop_price", "target_price")
"""Prices that are 0 where there is none, or none is known."""
LANGUAGE_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")
"""The first that is set says which language a person reads, as POSIX has it."""


class Words:
    """The texts of one language."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def phrase(self, key: str, **values: object) -> str:
        """The phrase of this key with its values."""
        return PHRASES[key].of(self.language).format(**values)

    def code(self, code: str) -> str:
        """What a code says; one that has no text shows as it is."""
        text = CODES.get(code)
        return text.of(self.language) if text else code

    def gate(self, code: str) -> str:
        """What a gate of risk measures, and in which unit."""
        text = GATES.get(code)
        return text.of(self.language) if text else code

    def kind(self, kind: str) -> str:
        """What a message type is called."""
        return NAMES[kind].of(self.language)

    def sentence(self, record: Record) -> str:
        """What a message says, in a sentence."""
        message, kind = record.message, type(record.message).__name__
        wire = to_wire(record)
        values = {name: self._shown(name, value) for name, value in wire.items()}
        if isinstance(message, JournalPosted):
            values["entries"] = self._entries(wire)
        elif isinstance(message, RiskDecision) and not message.approved:
            kind = DENIED
            values["numbers"] = self.numbers_of(message)
        said = SENTENCES[kind].of(self.language).format(**values)
        return said if said.isprintable() else ascii(said)[1:-1]  # what can move a cursor can't

    def numbers_of(self, denial: RiskDecision) -> str:
        """The number against the limit, of the gate that said no; empty where it has none."""
        observed, limit = denial.observed.get(denial.reason), denial.limits.get(denial.reason)
        if observed is None or limit is None:
            return ""
        return self.phrase("numbers", observed=f"{observed:.6g}", limit=f"{limit:.6g}")

    def _shown(self, name: str, value: object) -> str:
        match value:
            case bool():
                return self.phrase("yes" if value else "no")
            case float():
                return f"{value:.6g}"
            case int() if name.startswith("ts_"):
                return time_text(value)
            case str():
                return self._told(name, value)
            case tuple() | list():
                return ", ".join(self._shown(name, each) for each in value) or self.phrase("none")
            case dict():
                shown = (f"{key} {self._shown('', each)}" for key, each in value.items())
                return ", ".join(shown) or self.phrase("none")
            case _:
                return str(value)

    def _told(self, name: str, text: str) -> str:
        if name in ZERO_IS_NONE and not text.strip("0."):
            return self.phrase("none_known")
        return self._difference(text) if name == "differences" else self.code(text)

    def _entries(self, wire: Mapping[str, Any]) -> str:
        # Of a transaction: which account, how much, of what.
        entries = zip(wire["accounts"], wire["amounts"], wire["assets"], strict=True)
        return ", ".join(
            f"{ACCOUNTS[account].of(self.language) if account in ACCOUNTS else account} {qty} {asset}"
            for account, qty, asset in entries
        )

    def _difference(self, told: str) -> str:
        # One of a reconciliation: code, thing, ours, the venue's.
        code, thing, ours, theirs = told.split("|")
        none = self.phrase("none")
        return self.phrase(
            "difference",
            code=self.code(code),
            thing=thing,
            ours=self.code(ours) or none,
            theirs=self.code(theirs) or none,
        )


def choose_words(language: str | None, environment: Mapping[str, str]) -> Words:
    """The texts of the language asked for, else of the one that the environment names."""
    chosen = language or next(filter(None, map(environment.get, LANGUAGE_VARIABLES)), "")
    for known in get_args(Language):
        if chosen[:2].lower() == known:
            return Words(known)
    return Words("en")
