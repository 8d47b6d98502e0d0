"""What drives the sinks."""
