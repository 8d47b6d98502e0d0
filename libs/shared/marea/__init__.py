"""Marea: an event-driven trading system whose every decision can be explained and replayed."""
