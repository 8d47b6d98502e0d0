"""Bars, and the vector of features at each instant."""
