"""Swap (mm/swap_state.c, swapfile.c, page_io.c)."""
