"""The page of services is what the `service.toml` files say, and they fit the channels."""

from pathlib import Path

import pytest

from tools.services_readme import (
    Service,
    find_problems,
    in_flow_order,
    main,
    read_channels,
    read_services,
    render,
)

NEWS = Service(name="news", purpose="What is new?", consumes=[], produces=["market"])
RISK = Service(name="risk", purpose="How large?", consumes=["trading"], produces=["trading"])
ALPHA = Service(name="alpha", purpose="Now?", consumes=["market"], produces=["trading"])
WHOLE = Service(name="whole", purpose="All in one?", consumes=[], produces=[])


def test_page_is_not_stale(root: Path) -> None:
    page = (root / "services" / "README.md").read_text(encoding="utf-8")
    assert page == render(read_services(root)), "run: make docs"


def test_every_channel_has_a_producer_and_every_channel_named_is_listed(root: Path) -> None:
    assert find_problems(read_services(root), read_channels(root)) == []


def test_services_stand_in_the_order_of_the_flow() -> None:
    assert in_flow_order([RISK, WHOLE, ALPHA, NEWS]) == [NEWS, ALPHA, RISK, WHOLE]


def test_services_in_a_circle_are_all_placed() -> None:
    one = Service(name="one", purpose="?", consumes=["b"], produces=["a"])
    two = Service(name="two", purpose="?", consumes=["a"], produces=["b"])
    assert in_flow_order([two, one]) == [one, two]


def test_service_that_reads_what_it_writes_comes_after_others_that_write_it() -> None:
    signals = Service(name="signals", purpose="", consumes=["features"], produces=["trading"])
    both = [
        Service(name="execution", purpose="", consumes=["trading"], produces=["trading"]),
        Service(name="risk", purpose="", consumes=["market", "trading"], produces=["trading"]),
    ]
    assert in_flow_order([*both, signals]) == [signals, both[1], both[0]]


def test_channel_without_a_producer_is_named() -> None:
    problems = find_problems([NEWS], ["market", "alerts"])
    assert problems == ["schemas/channels.yaml: no service produces 'alerts'"]


def test_channel_that_is_not_listed_is_named() -> None:
    problems = find_problems([NEWS, ALPHA], ["trading"])
    assert problems == [
        "services/news/service.toml: 'market' is not in schemas/channels.yaml",
        "services/alpha/service.toml: 'market' is not in schemas/channels.yaml",
    ]


def test_page_draws_the_flow_and_lists_the_services() -> None:
    page = render([NEWS, ALPHA, WHOLE])
    assert "    news --> log_market\n    log_market --> alpha\n    alpha --> log_trading\n" in page
    assert "| [alpha](alpha) | Now? | `market` | `trading` |\n" in page
    assert "| [whole](whole) | All in one? | — | — |\n" in page
    assert "whole[" not in page


def test_page_is_written_and_problems_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "services" / "news"
    folder.mkdir(parents=True)
    says = 'name = "news"\npurpose = "What is new?"\nconsumes = []\nproduces = ["market"]\n'
    (folder / "service.toml").write_text(says)
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "channels.yaml").write_text("channels: [{name: market}]\n")
    assert main(tmp_path) == 0
    assert (tmp_path / "services" / "README.md").read_text() == render([NEWS])
    (tmp_path / "schemas" / "channels.yaml").unlink()
    assert main(tmp_path) == 1
    assert "'market' is not in schemas/channels.yaml" in capsys.readouterr().err


def test_service_file_with_another_key_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "services" / "news"
    folder.mkdir(parents=True)
    (folder / "service.toml").write_text('name = "news"\nowner = "me"\n')
    with pytest.raises(ValueError, match=r"service\.toml: has \['name', 'owner'\], write \["):
        read_services(tmp_path)
