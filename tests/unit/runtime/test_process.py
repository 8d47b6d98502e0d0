"""What a process makes of the arguments that it is started with."""

import pytest

from marea.runtime.process import arguments


@pytest.mark.parametrize("port", ["99999", "-1", "http"])
def test_port_that_is_none_is_refused_by_its_name_and_value(
    port: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        arguments("risk", [f"--port={port}"])
    assert ended.value.code == 2
    assert (
        f"argument --port: '{port}' is no port: write 0 (any) to 65535" in capsys.readouterr().err
    )


def test_port_may_be_any_free_one() -> None:
    assert arguments("risk", ["--port", "0"]).port == 0
