"""The machine, laid out as Linux's own tree: standard library only; never prints, never reads a clock or a file."""
