"""What one processor architecture decides (arch/)."""
