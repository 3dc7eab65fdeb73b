"""Regular expressions compiled at first use are those that re would have compiled."""

import copy
import re

from memsh.lazy import regular


def test_what_is_asked_of_one_is_what_re_answers() -> None:
    word = r"(?P<word>[a-z]+)-(\d+)"
    late, early = regular(word, re.IGNORECASE), re.compile(word, re.IGNORECASE)
    text = "Ab-12 c-3 -4"
    for name in ("match", "search", "fullmatch", "findall", "split"):
        mine, its = getattr(late, name)(text), getattr(early, name)(text)
        assert (mine.span() if hasattr(mine, "span") else mine) == (its.span() if hasattr(its, "span") else its)
    assert [match.groups() for match in late.finditer(text)] == [match.groups() for match in early.finditer(text)]
    assert late.sub(r"\2", text) == early.sub(r"\2", text)
    assert (late.pattern, late.flags, late.groups, late.groupindex) == (
        early.pattern, early.flags, early.groups, early.groupindex
    )  # fmt: skip
    assert copy.deepcopy(late).findall(text) == early.findall(text)


def test_bytes() -> None:
    assert regular(rb"\x00+").split(b"a\0\0b") == [b"a", b"b"]
