"""rand() as gawk counts: an additive generator over 63 words behind a shuffle of 512 (gawk's support/random.c).

A script that calls rand(), with or without srand(), gets the numbers that gawk gives it.
"""

from __future__ import annotations

DEGREE, APART = 63, 1  # x^63 + x + 1
WARMING = 10 * DEGREE
SHUFFLED = 512
MASK = 2**32 - 1
DIVISOR = float(1 << 31)


def _seeds(seed: int) -> list[int]:
    """The first words: Park and Miller's minimal standard generator, begun with `seed`."""
    words = [seed & MASK]
    for _ in range(DEGREE - 1):
        x = words[-1]
        if x > MASK // 2:  # C's int, and its division towards zero
            x -= MASK + 1
        x = x or 123459876
        high = abs(x) // 127773 * (1 if x >= 0 else -1)
        x = 16807 * (x - high * 127773) - 2836 * high
        words.append((x + 0x7FFFFFFF if x < 0 else x) & MASK)
    return words


class Random:
    """The generator of one program."""

    __slots__ = ("at", "drawn", "shuffled", "words")

    def __init__(self, seed: int = 1) -> None:
        self.seed(seed)

    def seed(self, seed: int) -> None:
        """srand(): begin anew."""
        self.words = _seeds(seed)
        self.at = 0
        self.shuffled: list[int] = []
        self.drawn = 0
        for _ in range(WARMING):
            self._next()

    def _word(self) -> int:
        words, at = self.words, self.at
        front = (at + APART) % DEGREE
        made = words[front] = (words[front] + words[at]) & MASK
        self.at = (at + 1) % DEGREE
        return made >> 1

    def _next(self) -> int:
        if not self.shuffled:
            self.shuffled = [self._word() for _ in range(SHUFFLED)]
            self.drawn = self._word()
        made, at = self._word(), self.drawn % SHUFFLED
        self.drawn = self.shuffled[at]
        self.shuffled[at] = made
        return self.drawn

    def random(self) -> float:
        """From 0 up to, not with, 1."""
        while True:
            low, high = self._next(), self._next()
            made = 0.5 + (low / DIVISOR + high) / DIVISOR - 0.5
            if made != 1.0:
                return made
