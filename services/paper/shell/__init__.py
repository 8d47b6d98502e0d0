"""What stands around the core: the input that it hears, and the port that others know it by."""
