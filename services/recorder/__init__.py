"""Copies the record from Kafka into the stores, in order and without loss."""
