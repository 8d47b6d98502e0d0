"""What happened in a run, what it cost, and how it looked: one file for a browser, offline."""
