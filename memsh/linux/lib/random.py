"""Random numbers (drivers/char/random.c): here they follow from the seed alone, so that a box can be had again.

Known deviations: the generator is splitmix64, not ChaCha; nothing stirs it.
"""

from __future__ import annotations

WORD = (1 << 64) - 1


class Random:
    """`seed` is any integer; `copy.copy` of it goes on alike."""

    __slots__ = ("state",)

    def __init__(self, seed: int) -> None:
        self.state = seed & WORD

    def get_random_u64(self) -> int:
        self.state = x = self.state + 0x9E3779B97F4A7C15 & WORD
        x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & WORD
        x = (x ^ x >> 27) * 0x94D049BB133111EB & WORD
        return x ^ x >> 31

    def below(self, ceil: int) -> int:
        """A number from 0 up to, not including, `ceil` (get_random_u32_below)."""
        return self.get_random_u64() % ceil

    def randomize_page(self, start: int, length: int) -> int:
        """A page boundary from `start`, rounded up, less than `length` bytes on."""
        start = start + 4095 & ~4095
        pages = length >> 12
        return start + (self.get_random_u64() % pages << 12) if pages else start
