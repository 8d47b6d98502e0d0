"""The checker: what must hold of any run, read from nothing but its logs."""
