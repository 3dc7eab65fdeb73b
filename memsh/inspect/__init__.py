"""Checks of every invariant, and the reports that commands print."""
