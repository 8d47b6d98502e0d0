"""What the recorder's stores are told, and what is refused before any of them is asked."""

from pathlib import Path

import pytest

from marea.errors import BadInput
from marea.runtime.processes import load_process_settings
from marea.runtime.secrets import load_secrets
from services.recorder.main import objects_config

CONFIG = Path(__file__).parents[3] / "config"


def test_archive_gets_its_place_and_its_key() -> None:
    own = load_process_settings(CONFIG, {})
    secrets = load_secrets({"MAREA_S3_KEY": "key", "MAREA_S3_SECRET": "secret"})
    config = objects_config(own, secrets)
    assert (config.url, config.endpoint) == (own.objects.url, own.objects.endpoint)
    assert (config.key, config.secret) == ("key", "secret")


@pytest.mark.parametrize("missing", ["MAREA_S3_KEY", "MAREA_S3_SECRET"])
def test_server_that_is_named_without_a_key_to_it_is_refused(missing: str) -> None:
    given = {"MAREA_S3_KEY": "key", "MAREA_S3_SECRET": "secret"}
    secrets = load_secrets({name: value for name, value in given.items() if name != missing})
    own = load_process_settings(CONFIG, {})
    with pytest.raises(BadInput, match=rf"{missing} is not set, .* or take objects and tables out"):
        objects_config(own, secrets)


def test_amazon_itself_may_know_who_asks() -> None:
    own = load_process_settings(CONFIG, {"MAREA__OBJECTS__ENDPOINT": '""'})
    assert objects_config(own, load_secrets({})).key == ""
