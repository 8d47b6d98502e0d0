"""The record as tables of PostgreSQL, with TimescaleDB where it is."""
