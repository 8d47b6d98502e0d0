"""Where settings come from: YAML files, then environment variables, each value with its place."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

import yaml

from marea.errors import BadInput

PREFIX = "MAREA__"
FOLDER_VARIABLES = ("MAREA_CONFIG", "MAREA_DATA", "MAREA_RUNS")
"""Folders: of the settings themselves, of market data, of runs."""
SECRET_VARIABLES = (
    "MAREA_POSTGRES_PASSWORD",
    "MAREA_S3_KEY",
    "MAREA_S3_SECRET",
    "MAREA_INFLUX_TOKEN",
)
OTHER_VARIABLES = FOLDER_VARIABLES + SECRET_VARIABLES

Key = tuple[str, ...]
"""The keys from the top to a value."""

_PLAIN_TAGS = {
    f"tag:yaml.org,2002:{name}"
    for name in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp")
}


@dataclass(frozen=True, slots=True)
class Layers:
    """Values as given, one over the other, and for each where it was given."""

    values: dict[str, object] = field(default_factory=dict)
    places: dict[Key, str] = field(default_factory=dict)

    def place(self, key: Key) -> str:
        """Where this key, or else the nearest one that holds it, was given."""
        while key not in self.places:
            key = key[:-1]
        return self.places[key]

    def value(self, key: Key) -> object:
        """The value as given; None where none was."""
        found: object = self.values
        for part in key:
            found = found.get(part) if isinstance(found, dict) else None
        return found


def nearest(name: str, known: list[str]) -> str:
    """The known name that is most like this one."""
    upper = {one.upper(): one for one in known}
    return upper[get_close_matches(name.upper(), upper, n=1, cutoff=0)[0]]


def add_file(layers: Layers, path: Path, sections: list[str]) -> None:
    """Put what a YAML file says into the layers; it holds these sections and no other.

    Raises `BadInput` where the file can't be read or isn't a mapping, or a key comes twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BadInput(f"{path} is missing: put one there, or name another folder") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} can't be read ({error}): mend the file or its rights") from error
    layers.places.update({(section,): str(path) for section in sections})
    places: dict[Key, str] = {}
    values = _read(text, lambda line: f"{path}:{line}", (), places)
    if not isinstance(values, dict):
        raise BadInput(f"{path} holds {values!r}: write the sections {', '.join(sections)}")
    for section in values:
        if section not in sections:
            raise BadInput(
                f"{places[section,]}: '{section}' is no section of {path.name};"
                f" did you mean '{nearest(section, sections)}'?"
            )
    layers.values.update(values)
    layers.places.update(places)


def add_environment(layers: Layers, environment: Mapping[str, str]) -> None:
    """Let `MAREA__SECTION__KEY` replace values that the files give, each value read as YAML.

    In a variable's name a key's other characters than letters and digits are underscores.
    Raises `BadInput` for a variable that names no setting.
    """
    known = {_variable(key): key for key in _leaves(layers.values, ())}
    meant = {_bare(name): name for name in (*known, *OTHER_VARIABLES)}
    for name in sorted(environment):
        if name in known:
            continue
        if name.startswith("MAREA_") and "__" in name:
            names = [*known, *SECRET_VARIABLES]
            near = f"did you mean {nearest(name, names)}?" if known else "the files give none"
            raise BadInput(f"{name} is no setting; {near}")
        if name not in OTHER_VARIABLES and _bare(name) in meant:
            raise BadInput(f"{name} is no setting; did you mean {meant[_bare(name)]}?")
    for name in sorted(known.keys() & environment.keys()):
        _replace(layers, known[name], environment[name], name)


def add_options(layers: Layers, option: str, texts: Sequence[str]) -> None:
    """Let `section.key=value` replace values that the layers hold, each value read as YAML.

    Raises `BadInput`, which names the option, for a text that names no setting.
    """
    leaves = list(_leaves(layers.values, ()))
    known = {
        ".".join(leaf[:depth]): leaf[:depth] for leaf in leaves for depth in range(len(leaf), 0, -1)
    }
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise BadInput(f"{option} is '{text}': write section.key=value")
        if name not in known:
            near = nearest(name, [".".join(leaf) for leaf in leaves])
            raise BadInput(f"{option} {name} is no setting; did you mean {near}?")
        _replace(layers, known[name], value, option)


def _replace(layers: Layers, key: Key, text: str, place: str) -> None:
    *parents, last = key
    inner = layers.value(tuple(parents))
    assert isinstance(inner, dict), "a key that is known stands in a mapping"
    # Nothing is a text as well, as of a variable that is set to be empty: not YAML's null.
    inner[last] = _read(text, _always(place), key, {}) if text else ""
    layers.places[key] = place


def _bare(name: str) -> str:
    # Other programs set variables that begin with MAREA_ too; these few can only be misspelt.
    return re.sub("_+", "_", name.upper())


def _variable(key: Key) -> str:
    return PREFIX + "__".join(re.sub(r"[^A-Z0-9]+", "_", part.upper()) for part in key)


def _leaves(values: Mapping[str, object], above: Key) -> Iterator[Key]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*above, name))
        else:
            yield (*above, name)


def _always(place: str) -> Callable[[int], str]:
    return lambda _: place


def _read(text: str, place: Callable[[int], str], key: Key, places: dict[Key, str]) -> object:
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        return None if node is None else _Reader(place, places).read(node, key)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadInput(f"{place(line)}: not YAML ({error.problem}): mend the line") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadInput(f"{place(1)}: not YAML ({error}): mend it") from error


class _Reader:
    def __init__(self, place: Callable[[int], str], places: dict[Key, str]) -> None:
        self.place = place
        self.places = places
        self.seen: set[int] = set()
        self.constructor = yaml.constructor.SafeConstructor()

    def read(self, node: yaml.Node, key: Key) -> object:
        place = self.place(node.start_mark.line + 1)
        if id(node) in self.seen or node.tag not in _PLAIN_TAGS:
            raise BadInput(f"{place}: settings take no aliases and no tags: write the value out")
        self.seen.add(id(node))
        self.places.setdefault(key, place)
        if isinstance(node, yaml.MappingNode):
            return self.read_mapping(node, key)
        if isinstance(node, yaml.SequenceNode):
            return tuple(self.read(item, key) for item in node.value)
        return self.constructor.construct_object(node)

    def read_mapping(self, node: yaml.MappingNode, above: Key) -> dict[str, object]:
        values: dict[str, object] = {}
        for name_node, value_node in node.value:
            place = self.place(name_node.start_mark.line + 1)
            name = self.constructor.construct_object(name_node)
            if not isinstance(name, str):
                raise BadInput(f"{place}: the key {name!r} is no text: put it in quotes")
            if name in values:
                first = self.places[(*above, name)]
                raise BadInput(f"{place}: '{name}' is given twice, first at {first}: remove one")
            self.places[(*above, name)] = place
            values[name] = self.read(value_node, (*above, name))
        return values
