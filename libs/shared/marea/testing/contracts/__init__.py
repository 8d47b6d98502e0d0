"""One contract suite per port, run on each of its implementations."""
