"""Every check of the tidy test, by the name that exceptions use."""

from collections.abc import Callable, Iterable

from tests.architecture.tidy import decisions, papers, shape, usage, words
from tests.architecture.tidy.tree import Finding, Tree

CHECKS: dict[str, Callable[[Tree], Iterable[Finding]]] = {
    "ceilings": shape.check_ceilings,
    "names": shape.check_names,
    "services": shape.check_services,
    "weight": shape.check_weight,
    "arithmetic": decisions.check_arithmetic,
    "set walks": decisions.check_set_walks,
    "words": words.check_words,
    "bare names": words.check_bare_names,
    "docstrings": words.check_docstrings,
    "dead modules": usage.check_dead_modules,
    "dead names": usage.check_dead_names,
    "reasons": papers.check_reasons,
    "places": papers.check_places,
    "makefile": papers.check_makefile,
    "commands": papers.check_commands,
    "links": papers.check_links,
    "locks": papers.check_locks,
}
