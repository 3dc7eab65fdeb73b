"""From power on to the first command (init/main.c)."""
