"""Bugs that tests put into the product, to see whether the simulation finds them."""
