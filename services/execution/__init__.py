"""Orders: which, when, and what state each is in."""
