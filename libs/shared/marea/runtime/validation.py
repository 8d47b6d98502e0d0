"""What is wrong with values as given, each told with its place and its remedy."""

from typing import TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from marea.errors import BadInput
from marea.runtime.sources import Key, Layers, nearest

Model = TypeVar("Model", bound=BaseModel)

_REMEDIES = {
    "int_type": "write a whole number",
    "float_type": "write a number",
    "finite_number": "write a finite number",
    "string_type": "write a text, in quotes",
    "path_type": "write a text, in quotes",
    "string_pattern_mismatch": "write a text of the form {pattern}",
    "string_too_short": "write a text that is not empty",
    "tuple_type": "write a list, as in [1, 60]",
    "dict_type": "write a mapping of keys to values",
    "model_type": "write a mapping of keys to values",
    "literal_error": "write {expected}",
    "greater_than": "write a number above {gt}",
    "greater_than_equal": "write a number of at least {ge}",
    "less_than_equal": "write a number of at most {le}",
    "too_short": "write at least {min_length}",
    "too_long": "write at most {max_length}",
}


def validated(model: type[Model], layers: Layers) -> Model:
    """The model that the layers' values make; sections that are another model's are left alone.

    Raises `BadInput`, which lists everything that is wrong.
    """
    try:
        own = {name: value for name, value in layers.values.items() if name in model.model_fields}
        return model.model_validate(own)
    except ValidationError as error:
        found = {
            _key(layers, detail): _describe(model, layers, detail) for detail in error.errors()
        }
        raise BadInput("\n".join(found.values())) from None


def _key(layers: Layers, detail: ErrorDetails) -> Key:
    # pydantic's location goes on into unions and lists; we know places of keys only
    location = tuple(str(part) for part in detail["loc"])
    if detail["type"] == "missing":
        return location
    while location and location not in layers.places:
        location = location[:-1]
    return location


def _describe(model: type[BaseModel], layers: Layers, detail: ErrorDetails) -> str:
    key = _key(layers, detail)
    place, name = layers.place(key), ".".join(key)
    if detail["type"] == "extra_forbidden":
        *parents, last = key
        guess = nearest(last, _known(model, parents))
        return f"{place}: '{last}' is no setting of {'.'.join(parents)}; did you mean '{guess}'?"
    if detail["type"] == "missing":
        return f"{place}: {name} is missing: add it"
    if detail["type"] == "value_error":
        return f"{place}: {name}: {detail['ctx']['error']}"
    remedy = _REMEDIES.get(detail["type"], detail["msg"]).format(**detail.get("ctx", {}))
    return f"{place}: {name} is {_shown(layers.value(key))}: {remedy}"


def _shown(value: object) -> str:
    return repr(list(value) if isinstance(value, tuple) else value)


def _known(model: type[BaseModel], parents: list[str]) -> list[str]:
    found: object = model
    for part in parents:
        if isinstance(found, type) and issubclass(found, BaseModel):
            found = found.model_fields[part].annotation
        else:
            found = get_args(found)[1]
    assert isinstance(found, type), "only a section refuses keys"
    assert issubclass(found, BaseModel), "only a section refuses keys"
    return list(found.model_fields)
