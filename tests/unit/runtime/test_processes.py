"""Settings of processes: what is read, beside the other settings, and what each refusal says."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from marea.errors import BadInput
from marea.runtime.processes import SERVICES, ProcessSettings, load_process_settings
from marea.runtime.secrets import load_secrets
from marea.runtime.settings import FILES, Settings, find_config_dir, load_settings

SHIPPED = find_config_dir(None, {})


def test_shipped_settings_listen_on_this_machine_alone() -> None:
    settings = load_process_settings(SHIPPED, {})
    assert settings.kafka.servers == "127.0.0.1:19092"
    assert settings.http.host == "127.0.0.1"
    assert list(settings.http.ports) == list(settings.instances) == list(SERVICES)
    assert len(set(settings.http.ports.values())) == len(SERVICES)


def test_execution_finds_the_paper_venue_where_it_listens() -> None:
    settings = load_process_settings(SHIPPED, {})
    assert settings.paper_url.endswith(f":{settings.http.ports['paper']}")


def test_every_section_stands_in_one_file_and_belongs_to_one_model() -> None:
    sections = [section for names in FILES.values() for section in names]
    assert sorted(sections) == sorted([*Settings.model_fields, *ProcessSettings.model_fields])


def test_environment_outranks_the_files() -> None:
    environment = {
        "MAREA__KAFKA__SERVERS": "one:9092,two.example:9092,[::1]:9092",
        "MAREA__HTTP__PORTS__RISK": "0",
        "MAREA__MARKET__SOURCE": "tape",
        "MAREA__MARKET__TAPE": "[a.raw.zst, b.raw.zst]",
        "MAREA__MARKET__SPEED": "0",
        "MAREA__SHARD__INSTRUMENTS": "[BTC-USDT.BINANCE]",
        "MAREA__OBJECTS__ENDPOINT": "https://s3.example",
        "MAREA__POSTGRES__DSN": "postgresql://somebody@h/marea",
        "MAREA__PAPER_URL": "http://paper:8106",
    }
    settings = load_process_settings(SHIPPED, environment)
    assert settings.kafka.servers == environment["MAREA__KAFKA__SERVERS"]
    assert settings.http.ports["risk"] == 0
    assert settings.market.tape == (Path("a.raw.zst"), Path("b.raw.zst"))
    assert settings.market.speed == 0
    assert settings.shard.instruments == ("BTC-USDT.BINANCE",)
    assert settings.objects.endpoint == "https://s3.example"
    assert settings.paper_url == "http://paper:8106"


def test_variable_that_is_set_to_be_empty_is_an_empty_text() -> None:
    settings = load_process_settings(SHIPPED, {"MAREA__KAFKA__REGISTRY_URL": ""})
    assert settings.kafka.registry_url == ""


def test_the_two_models_leave_the_variables_of_each_other_alone() -> None:
    environment = {"MAREA__KAFKA__TIMEOUT_S": "never", "MAREA__DEMO__SEED": "8"}
    assert load_settings(SHIPPED, environment).demo.seed == 8
    environment = {"MAREA__KAFKA__TIMEOUT_S": "3", "MAREA__DEMO__SEED": "lucky"}
    assert load_process_settings(SHIPPED, environment).kafka.timeout_s == 3


@pytest.mark.parametrize(
    ("variable", "value", "text"),
    [
        ("KAFKA__SERVER", "a:1", "is no setting; did you mean MAREA__KAFKA__SERVERS?"),
        (
            "KAFKA__SERVERS",
            "a:1,b",
            "kafka.servers: 'b' is no address of a server: write host:port",
        ),
        (
            "KAFKA__SERVERS",
            "a:99999",
            "kafka.servers: 'a:99999' is no address of a server: write host:port",
        ),
        ("KAFKA__SERVERS", "", "kafka.servers: '' is no address of a server: write host:port"),
        ("KAFKA__PREFIX", "a_b", "kafka.prefix is 'a_b': write a text of the form"),
        ("KAFKA__TIMEOUT_S", "0", "kafka.timeout_s is 0: write a number above 0"),
        (
            "KAFKA__REGISTRY_URL",
            "registry",
            "kafka.registry_url: 'registry' is no address: write http://host:port",
        ),
        ("REDIS__URL", "redis://h:x", "redis.url: 'redis://h:x' is no address: write redis://host"),
        ("HTTP__PORTS__RISK", "70000", "http.ports.risk is 70000: write a number of at most 65535"),
        ("MARKET__SOURCE", "live", "market.source is 'live': write 'simulated' or 'tape'"),
        ("MARKET__TAPE", "[3]", "market.tape is [3]: write a text, in quotes"),
        ("MARKET__ACTIVITY", "0", "market.activity is 0: write a number above 0"),
        ("MARKET__ACTIVITY", "1001", "market.activity is 1001: write a number of at most 1000"),
        ("MARKET__SPEED", "-1", "market.speed is -1: write a number of at least 0"),
        ("INSTANCES__RISK", "0", "instances.risk is 0: write a number of at least 1"),
        ("INFLUX__VERSION", "3", "influx.version is 3: write 1 or 2"),
        ("OBJECTS__URL", "/data", "objects.url: '/data' is no address: write s3://bucket"),
        ("PAPER_URL", "paper:81", "paper_url: 'paper:81' is no address: write http://host:port"),
        (
            "LOGS__LEVEL",
            "loud",
            "logs.level is 'loud': write 'debug', 'info', 'warning' or 'error'",
        ),
    ],
)
def test_refused_variable_is_named_with_its_value_and_remedy(
    variable: str, value: str, text: str
) -> None:
    with pytest.raises(BadInput, match=f"MAREA__{variable}.*{re.escape(text)}"):
        load_process_settings(SHIPPED, {f"MAREA__{variable}": value})


def test_tape_without_files_is_refused() -> None:
    with pytest.raises(
        BadInput, match=r"market: source is 'tape' and tape is \[\]: name its files"
    ):
        load_process_settings(SHIPPED, {"MAREA__MARKET__SOURCE": "tape"})


@pytest.mark.parametrize(
    ("variable", "address"),
    [
        ("POSTGRES__DSN", "postgresql://u:hush@h/d"),
        ("POSTGRES__DSN", "postgresql://u@h/d?password=hush"),
        ("REDIS__URL", "redis://:hush/@h:1"),
        ("INFLUX__URL", "http://u:hush@h:1"),
        ("OBJECTS__ENDPOINT", "http://u:hush@h:x"),
    ],
)
def test_password_in_an_address_is_refused_and_not_shown(variable: str, address: str) -> None:
    with pytest.raises(
        BadInput, match=r"a password stands in it \(not shown\): take it out"
    ) as told:
        load_process_settings(SHIPPED, {f"MAREA__{variable}": address})
    assert "hush" not in str(told.value)


@pytest.mark.parametrize(
    ("name", "given", "text"),
    [
        ("exection", 8105, r"'exection' is no service; did you mean 'execution'\?"),
        ("paper", None, r"http\.ports: 'paper' is missing: add it"),
    ],
)
def test_services_are_those_that_there_are(
    tmp_path: Path, name: str, given: int | None, text: str
) -> None:
    shutil.copytree(SHIPPED, tmp_path, dirs_exist_ok=True)
    file = tmp_path / "processes.yaml"
    values = yaml.safe_load(file.read_text())
    if given is None:
        del values["http"]["ports"][name]
    else:
        values["http"]["ports"][name] = given
    file.write_text(yaml.safe_dump(values))
    with pytest.raises(BadInput, match=rf"processes\.yaml:\d+: .*{text}"):
        load_process_settings(tmp_path, {})


def test_secrets_come_from_the_environment_and_are_never_printed() -> None:
    secrets = load_secrets({"MAREA_POSTGRES_PASSWORD": "hush", "MAREA_S3_KEY": ""})
    assert secrets.postgres_password is not None
    assert secrets.postgres_password.get_secret_value() == "hush"
    assert (secrets.s3_key, secrets.s3_secret, secrets.influx_token) == (None, None, None)
    assert "hush" not in f"{secrets} {secrets!r} {secrets.postgres_password}"


def test_secrets_are_no_settings() -> None:
    environment = {"MAREA_INFLUX_TOKEN": "hush"}
    assert load_process_settings(SHIPPED, environment) == load_process_settings(SHIPPED, {})
    for misspelt in ("MAREA__INFLUX__TOKEN", "MAREA__INFLUX_TOKEN", "marea_influx_token"):
        with pytest.raises(BadInput, match=r"is no setting; did you mean MAREA_INFLUX_TOKEN\?"):
            load_process_settings(SHIPPED, {misspelt: "hush"})


def test_secret_with_white_space_around_it_is_refused_and_not_shown() -> None:
    with pytest.raises(BadInput, match=r"MAREA_S3_SECRET has white space .*set it without") as told:
        load_secrets({"MAREA_S3_SECRET": "hush\n"})
    assert "hush" not in str(told.value)
