"""Ordered logs behind one port."""
