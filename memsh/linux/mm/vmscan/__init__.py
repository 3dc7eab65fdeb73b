"""Reclaim (mm/vmscan.c, workingset.c)."""
