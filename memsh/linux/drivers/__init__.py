"""What stands behind the names in /dev (drivers/)."""
