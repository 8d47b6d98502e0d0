"""Marea's own paper venue, as others reach it: over HTTP."""
