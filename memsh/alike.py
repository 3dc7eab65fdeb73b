"""What may have been meant by a name that there is not."""

from __future__ import annotations

from collections.abc import Iterable


def alike(word: str, names: Iterable[str], most: int = 1, cutoff: float = 0.6) -> list[str]:
    """Up to `most` of the names that are spelled like `word`, the likeliest first (difflib.get_close_matches).

    Most names share too few letters with it, whatever their order: these are left out first, and where none is left
    difflib is not even loaded.
    """
    letters = [(letter, word.count(letter)) for letter in dict.fromkeys(word)]
    near = []
    for name in names:
        shared = 0
        for letter, number in letters:
            here = name.count(letter)
            shared += here if here < number else number
        if name and 2.0 * shared / (len(name) + len(word)) >= cutoff:
            near.append(name)
    if not near:
        return []
    from difflib import get_close_matches  # start-up: 3 ms, for who has mistyped something

    return get_close_matches(word, near, most, cutoff)
