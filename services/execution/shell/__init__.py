"""What execution does in the world, and what comes back from there."""
