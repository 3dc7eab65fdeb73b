"""From a page to those who map it (mm/rmap.c)."""
