"""The machine: standard library only; never prints, never reads a clock or a file."""
