"""What ingestion does in the world: the markets that it listens to."""
