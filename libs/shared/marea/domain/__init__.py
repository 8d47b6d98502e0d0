"""Pure arithmetic of markets and money: no messages, no I/O, no clock."""
