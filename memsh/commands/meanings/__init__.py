"""What the figures of /proc and of the tools mean, for `fields`. Loaded when it is asked for, not at the start."""
