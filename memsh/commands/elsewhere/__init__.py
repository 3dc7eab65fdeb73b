"""Texts of other machines: how they are read, shown and captured. Loaded when they are asked for, not at the start."""
