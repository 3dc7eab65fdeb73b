"""Devices that are read and written in blocks (drivers/block/)."""
