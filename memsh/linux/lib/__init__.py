"""Helpers without knowledge of memory management (lib/)."""
