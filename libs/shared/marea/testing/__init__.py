"""Builders and contract suites that tests share."""
