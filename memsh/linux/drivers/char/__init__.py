"""Devices that are read and written byte by byte (drivers/char/)."""
