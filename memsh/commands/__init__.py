"""What can be typed: one file per family of commands."""
