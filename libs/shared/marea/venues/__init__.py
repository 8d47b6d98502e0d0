"""Venues, one folder each: what they say, read into messages."""
