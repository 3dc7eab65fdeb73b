"""Prime factors: factor (GNU coreutils 9.1, src/factor.c)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import gcd, isqrt

from memsh.shell import IO, Args, rest
from memsh.textutils.quoting import quote
from memsh.textutils.sources import Sources
from memsh.textutils.utility import utility

SMALL = 4096
_WITNESSES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41)  # enough below 3.3e24, where numbers of chance follow


def _primes(below: int) -> list[int]:
    sieve = bytearray([1]) * below
    sieve[0:2] = b"\0\0"
    for number in range(2, isqrt(below) + 1):
        if sieve[number]:
            sieve[number * number :: number] = bytes(len(range(number * number, below, number)))
    return [number for number in range(below) if sieve[number]]


def is_prime(number: int) -> bool:
    """Miller and Rabin's test, for odd numbers beyond SMALL."""
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    more = _primes(400) if number.bit_length() > 81 else _WITNESSES
    for witness in more:
        power = pow(witness, odd, number)
        if power in (1, number - 1):
            continue
        for _ in range(twos - 1):
            power = power * power % number
            if power == number - 1:
                break
        else:
            return False
    return True


def _divisor(io: IO, number: int) -> int:
    """A divisor of a number that is no prime: Pollard's rho, as Brent has it."""
    root = isqrt(number)
    if root * root == number:
        return root
    for start in range(1, number):
        tortoise = hare = 2
        size, product = 1, 1
        while True:
            tortoise = hare
            for done in range(0, size, 128):
                io.check()
                kept = hare
                for _ in range(min(128, size - done)):
                    hare = (hare * hare + start) % number
                    product = product * abs(tortoise - hare) % number
                found = gcd(product, number)
                if found == 1:
                    continue
                if found == number:
                    found, hare = 1, kept
                    while found == 1:
                        hare = (hare * hare + start) % number
                        found = gcd(abs(tortoise - hare), number)
                break
            else:
                size *= 2
                continue
            break
        if found != number:
            return found
    return number


def factors(io: IO, number: int) -> list[int]:
    """The prime factors of a number, in order."""
    found = []
    for prime in _primes(SMALL):
        while number % prime == 0 and number:
            found.append(prime)
            number //= prime
    waiting = [number] if number > 1 else []
    while waiting:
        part = waiting.pop()
        if part < SMALL * SMALL or is_prime(part):
            found.append(part)
        else:
            divisor = _divisor(io, part)
            waiting += [divisor, part // divisor]
    return sorted(found)


@utility(rest("numbers", meta="NUMBER"), usage="[NUMBER]...")
def factor(box: object, args: Args, io: IO) -> int:
    """prime factors of numbers

    factor 4096 12345
    """
    status = 0
    for word in args.numbers or _words(io):
        match = re.fullmatch(r"[ \t\n]*\+?([0-9]+)", word)
        if match is None:
            io.complain(f"{quote(word)} is not a valid positive integer")
            status = 1
            continue
        digits = match[1].lstrip("0") or "0"
        if len(digits) > 4000:
            io.complain(f"{quote(word)} is too large")
            status = 1
            continue
        io.out(" ".join([f"{digits}:", *map(str, factors(io, int(digits)))]) + "\n")
    return status


def _words(io: IO) -> Iterator[str]:
    for line in Sources(io, []).bare_lines():
        yield from re.findall(r"[^ \t]+", line)
