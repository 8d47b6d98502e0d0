"""Every message type, in one definition each."""
