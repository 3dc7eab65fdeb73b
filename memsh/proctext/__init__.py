"""Text to figures: one parser for each /proc file and each kernel report."""
