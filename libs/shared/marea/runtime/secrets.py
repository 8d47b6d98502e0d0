"""Which secrets does a process know? Those that its environment names, and no file ever does."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from pydantic import SecretStr

from marea.errors import BadInput
from marea.runtime.sources import SECRET_VARIABLES


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """What opens the stores; None where nothing was given. It prints as stars."""

    postgres_password: SecretStr | None
    s3_key: SecretStr | None
    s3_secret: SecretStr | None
    influx_token: SecretStr | None


def load_secrets(environment: Mapping[str, str]) -> Secrets:
    """The secrets that the environment gives.

    Raises `BadInput` for one with white space around it, which files of secrets leave behind.
    """
    names = [field.name for field in fields(Secrets)]
    given = zip(names, SECRET_VARIABLES, strict=True)
    return Secrets(
        **{name: _secret(environment.get(variable), variable) for name, variable in given}
    )


def _secret(text: str | None, variable: str) -> SecretStr | None:
    if not text:
        return None
    if text != text.strip():
        raise BadInput(f"{variable} has white space around it (not shown): set it without")
    return SecretStr(text)
