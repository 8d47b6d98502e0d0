"""Indicators: one step function each, plain Python live, compiled over arrays in research."""
