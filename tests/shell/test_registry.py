"""Declarations: conversion, options, usage errors, the table for the README."""

from typing import Any

import pytest

from memsh.shell import UsageError, arg, command, opt, rest
from memsh.shell.arith import evaluate
from memsh.shell.errors import ShellError
from memsh.shell.help import command_table, manual, overview, short
from memsh.shell.registry import Registry
from memsh.shell.values import address, count, increment, size, wide_size


def made() -> Registry:
    registry = Registry()

    @command(
        arg("size", type=size, help="bytes"), arg("kind", default="one", choices=("one", "two")),
        opt("-v", help="say more"),
        opt("-n", "--number", type=count, default=3, help="how many"), registry=registry, topic="kernel memory",
    )  # fmt: skip
    def take(box: Any, args: Any, io: Any) -> None:
        """take memory

        take 64

        There is more to say.
        """

    @command(rest("words", raw=True), registry=registry)
    def raw(box: Any, args: Any, io: Any) -> None:
        """keep words as they are"""

    @command(arg("name"), registry=registry, name="cache create")
    def cache_create(box: Any, args: Any, io: Any) -> None:
        """make a cache"""

    return registry


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["4k"], (4096, "one", False, 3)), (["1", "two", "-v"], (1, "two", True, 3)),
        (["-vn7", "1"], (1, "one", True, 7)),
        (["1", "--number=0x10"], (1, "one", False, 16)), (["--num", "2", "1"], (1, "one", False, 2)),
    ],
)  # fmt: skip
def test_arguments(words: list[str], expected: tuple[Any, ...]) -> None:
    args = made().commands["take"].parse(words)
    assert (args.size, args.kind, args.v, args.number) == expected


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "SIZE is missing"), (["1", "two", "3"], "'3' is one word too many"), (["x"], "'x' is not a size"),
        (["1", "tow"], "did you mean two?"), (["1", "-q"], "no option -q"), (["1", "-n"], "-n needs a value"),
        (["1", "-v=3"], "no option -="), (["-1"], "cannot be negative"), (["5G"], "at most 4 GiB - 1"),
        (["1", "--numbre", "4"], "did you mean --number?"), (["1", "-n", "x"], "'x' is not a number"),
    ],
)  # fmt: skip
def test_usage_errors(words: list[str], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        made().commands["take"].parse(words)
    assert said in caught.value.message
    assert caught.value.status == 2


def test_raw_words_and_groups() -> None:
    registry = made()
    assert registry.commands["raw"].parse(["-x", "--", "y"]).words == ["-x", "--", "y"]
    found = registry.find(["cache", "create", "c"])
    assert found is not None
    assert found[1] == ["c"]
    with pytest.raises(UsageError, match="did you mean cache create"):
        registry.find(["cache", "creat"])
    assert registry.names() == ["cache", "raw", "take"]
    assert registry.like("tkae") == ["take"]


def test_a_command_needs_a_docstring_and_a_name_of_its_own() -> None:
    registry = made()

    def undocumented(box: Any, args: Any, io: Any) -> None:
        pass

    with pytest.raises(ValueError, match="docstring"):
        command(registry=registry)(undocumented)
    undocumented.__doc__ = "now it has one"
    with pytest.raises(ValueError, match="twice"):
        command(registry=registry, name="take")(undocumented)
    with pytest.raises(ValueError, match="twice"):
        command(registry=registry, name="cache")(undocumented)


def test_help_comes_from_the_declaration() -> None:
    registry = made()
    take = registry.commands["take"]
    assert take.usage() == "take SIZE [one|two] [-v] [-n NUMBER]"
    assert "for example:  take 64" in short(take)
    assert "There is more to say." in manual(take)
    assert "kernel memory" in overview(registry, 80)
    assert "| `take SIZE [one\\|two] [-v] [-n NUMBER]` | take memory | `take 64` |" in command_table(registry)


@pytest.mark.parametrize(
    ("convert", "text", "value"),
    [
        (size, "0", 0), (size, "64", 64), (size, "4K", 4096), (size, "4kB", 4096), (size, "1MiB", 1 << 20),
        (size, "0x10", 16), (size, "10B", 10), (size, "4095M", 4095 << 20), (wide_size, "8G", 8 << 30),
        (address, "0xb7fc7010+4k", 0xB7FC8010),
        (address, "08153000", 0x8153000), (address, "b7ffa000", 0xB7FFA000), (address, "c1eddf80+4k-1", 0xC1EDEF7F),
        (address, "134512640", 0x8048000), (address, "1234567b", 0x1234567B), (address, "00001234", 0x1234),
        (address, "0x1000-0x10", 0xFF0), (increment, "-4k", -4096), (count, "0x1f", 31),
    ],
)  # fmt: skip
def test_values(convert: Any, text: str, value: int) -> None:
    assert convert(text) == value


@pytest.mark.parametrize(
    ("convert", "text"),
    [
        (size, ""), (size, "k"), (size, "4kk"), (size, "4x"), (size, "1e3"), (size, "-1"),
        (size, "4G"), (size, "\uff11"),
        (address, ""), (address, "0x"), (address, "4 k"), (address, "-1"),
        (address, "12345678"), (address, "12345678+4k"), (address, "ffff888000100000"), (address, "b7ff"),
        (address, "0x100000000"), (address, "1++2"),
        (count, "4k"), (count, "-1"),
        (count, "one"),
    ],
)  # fmt: skip
def test_what_is_no_value(convert: Any, text: str) -> None:
    with pytest.raises(ValueError, match=r"[a-z]"):
        convert(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1+2*3", 7), ("(1+2)*3", 9), ("-7/2", -3), ("-7%2", -1), ("0x10<<2", 64), ("4k+1", 4097), ("1<2&&2<1||1", 1),
        ("1?2:3", 2), ("~0", -1), ("!5", 0), ("6&3|8", 10), ("5 == 5", 1), ("x+1", 6), ("", 0), ("1<<99", 1 << 35),
        ("9999999999*9999999999", 7766279611452241921), ("2**999999", 0), ("010+0x10+2#11", 27), ("1,2", 2),
    ],
)  # fmt: skip
def test_arithmetic(text: str, value: int) -> None:
    assert evaluate(text, lambda name: "5") == value


WRONG = ["1+", "1/0", "(1", "1 2", "08", "2#3", "1=2", "@", "(" * 200, "-" * 200 + "1"]


@pytest.mark.parametrize("text", WRONG)
def test_arithmetic_errors(text: str) -> None:
    with pytest.raises(ShellError) as caught:
        evaluate(text, lambda name: "5")
    assert caught.value.status == 2
