"""The order in which `for (key in array)` meets the keys: gawk's, which follows from how it keeps them.

Whole numbers from 0 on lie in blocks, and come out ascending (cint_array.c); those too sparse for that, and negative
ones, in a table of chains (int_array.c); other texts in another such table (str_array.c). An array that was begun with
a text keeps all its keys as texts. What lies in tables comes out first.

Deviation: the tables are rebuilt from the keys that are left, in the order they came; gawk's may be larger, and hold
them in another order, where keys were deleted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache

_WHOLE = re.compile(r"(?:0|-?[1-9][0-9]{0,9})\Z")
_BLOCK = 10  # numbers below 1 << _BLOCK share their blocks' size (NHAT)
_WASTE = 2 << _BLOCK  # places in blocks that may be empty
_CHAIN = 2  # keys for each chain before a table grows
_SIZES = (13, 127, 1021, 8191, 16381, 32749, 65497, 131101, 262147, 524309, 1048583, 2097169, 4194319, 8388617)
_BITS = 32  # of an int


def walked(keys: Iterable[str]) -> list[str]:
    """Keys, given in the order that they came, in the order that a loop meets them."""
    given = list(keys)
    if not given:
        return given
    first = _whole(given[0])
    if first is None:
        return _chained(given)
    return _in_blocks(given) if first >= 0 else _of_numbers(given)


def _whole(key: str) -> int | None:
    """The number that a key is, if it is spelt as one of 32 bits would be."""
    if _WHOLE.match(key) is None:
        return None
    number = int(key)
    return number if (number if number >= 0 else ~number).bit_length() < _BITS else None


def _in_blocks(keys: list[str]) -> list[str]:
    """cint_lookup: numbers go to blocks as long as not too many places of those are empty."""
    blocks: set[tuple[int, int]] = set()
    numbers: list[int] = []
    others: list[str] = []
    capacity = 0
    for key in keys:
        number = _whole(key)
        if number is None or number < 0:
            others.append(key)
            continue
        power = max(number.bit_length() - 1, _BLOCK - 1)
        guess = max(power, _BLOCK)
        while guess >= _BLOCK:
            guess = (guess + 1) // 2
        if capacity + (1 << guess) - len(numbers) > _WASTE:
            others.append(key)
            continue
        size = 1 << _block(max(power, _BLOCK))
        block = (size, number // size)
        if block not in blocks:
            blocks.add(block)
            capacity += size
        numbers.append(number)
    before = _chained(others) if others and _whole(others[0]) is None else _of_numbers(others)
    return before + [str(number) for number in sorted(numbers)]


def _block(power: int) -> int:
    """The power of two that a block holds, for numbers from 1 << power on (tree_lookup)."""
    half = (power + 1) // 2
    return _block(half) if half > _BLOCK else half


def _of_numbers(keys: list[str]) -> list[str]:
    """int_lookup: numbers in chains of pairs, behind the texts."""
    texts = [key for key in keys if _whole(key) is None]
    chains: list[list[list[int]]] = [[] for _ in range(_SIZES[0])]
    count = 0

    def put(number: int) -> None:
        chain = chains[_mixed(number) % len(chains)]
        if not chain or len(chain[0]) == 2:
            chain.insert(0, [])
        chain[0].append(number)

    for key in keys:
        number = _whole(key)
        if number is None:
            continue
        count += 1
        if count // len(chains) > _CHAIN:
            old, chains = chains, [[] for _ in range(_larger(len(chains)))]
            for chain in old:
                for pair in chain:
                    for one in pair:
                        put(one)
        put(number)
    return (_chained(texts) if texts else []) + [str(one) for chain in chains for pair in chain for one in pair]


def _chained(keys: list[str]) -> list[str]:
    """str_lookup: a new key is the first of its chain; a table that grows turns its chains round."""
    chains: list[list[str]] = [[] for _ in range(_SIZES[0])]  # the newest last
    for count, key in enumerate(keys, 1):
        if count // len(chains) > _CHAIN:
            old, chains = chains, [[] for _ in range(_larger(len(chains)))]
            for chain in old:
                for moved in reversed(chain):
                    chains[_hash(moved) % len(chains)].append(moved)
        chains[_hash(key) % len(chains)].append(key)
    return [key for chain in chains for key in reversed(chain)]


def _larger(size: int) -> int:
    return next((other for other in _SIZES if other > size), size)


def _mixed(number: int) -> int:
    """int_hash, of 32 bits."""
    steps: tuple[Callable[[int], int], ...] = (
        lambda k: k ^ k << 3, lambda k: k + (k >> 5), lambda k: k ^ k << 4, lambda k: k + (k >> 17),
        lambda k: k ^ k << 25, lambda k: k + (k >> 6),
    )  # fmt: skip
    made = number % (1 << _BITS)
    for step in steps:
        made = step(made) % (1 << _BITS)
    return made


@lru_cache(maxsize=4096)
def _hash(key: str) -> int:
    """awk_hash: sdbm's, of 32 bits, over bytes with a sign."""
    made = 0
    for byte in key.encode("utf-8", "surrogateescape"):
        made = (made * 65599 + (byte - 256 if byte > 127 else byte)) % (1 << _BITS)
    return made
