"""The embedded composition, and the `marea` command."""
