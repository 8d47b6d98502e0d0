"""The one thing that goes wrong with servers."""


class ServerAway(Exception):
    """A server can't be started, or has not come: the text says why, and what to do."""
