"""The disk's queue (block/)."""
