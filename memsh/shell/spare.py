"""Memory of the host that is kept for saying that there is no more. No known deviations."""

from __future__ import annotations

KEPT = 4 << 20  # bytes: of addresses only, nothing is written there


class Spare:
    """Bytes that are given back to the host when an allocation fails, so that the line can be ended, told and
    journalled. None are kept where the host names no limit (`size` 0): there it is the host that ends memsh."""

    def __init__(self, size: int = 0) -> None:
        self.size = size
        self.held = b""
        self.save()

    def save(self) -> None:
        """Keep them again, if there is room."""
        if len(self.held) < self.size:
            try:
                self.held = bytes(self.size)
            except MemoryError:
                return

    def spend(self) -> None:
        self.held = b""
