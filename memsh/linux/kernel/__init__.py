"""Tasks, signals, tunables, the log, the clock (kernel/)."""
