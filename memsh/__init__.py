"""memsh: an interactive shell that emulates a 32-bit Linux box's memory."""

__version__ = "0.1.0"
