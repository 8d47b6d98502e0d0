"""Whoever reads the log sees once that a broker is away, and once that it is back."""

import logging

import pytest

from marea.bus.kafka.following import Outage


def test_outage_and_its_end_are_told_once_each(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    outage = Outage(2)
    for error in (None, "refused", "refused", "timeout", None, None, "refused", None):
        outage.tell(error)
    assert [record.getMessage() for record in caplog.records] == [
        "broker 2 is away (refused): it is asked again until it is back",
        "broker 2 is back",
    ] * 2
