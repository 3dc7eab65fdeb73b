"""User space: the C library and the programs that can be run."""
