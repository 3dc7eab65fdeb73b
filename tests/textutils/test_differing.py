"""diff and cmp of files, as GNU's print them."""

import pytest

from tests.textutils.boxed import boxed

FILES = {"/tmp/da": "one\ntwo\nthree\n", "/tmp/db": "one\nTWO\nthree\nfour\n", "/tmp/dc": "one\ntwo\nthree"}


@pytest.mark.parametrize(
    ("line", "printed", "status"),
    [
        ("diff /tmp/da /tmp/da", "", 0),
        ("diff /tmp/da /tmp/db", "2c2\n< two\n---\n> TWO\n3a4\n> four\n", 1),
        ("diff /tmp/da /tmp/dc", "3c3\n< three\n---\n> three\n\\ No newline at end of file\n", 1),
        ("diff -q /tmp/da /tmp/db", "Files /tmp/da and /tmp/db differ\n", 1),
        ("diff -u /tmp/da /tmp/db | tail -n +3", "@@ -1,3 +1,4 @@\n one\n-two\n+TWO\n three\n+four\n", 0),
        ("diff -i /tmp/da /tmp/db", "3a4\n> four\n", 1),
        ("diff <(head -3 /proc/meminfo) <(head -3 /proc/meminfo) && echo same", "same\n", 0),
        ("cmp /tmp/da /tmp/db", "/tmp/da /tmp/db differ: char 5, line 2\n", 1),
        ("cmp -s /tmp/da /tmp/da", "", 0),
        ("cmp /tmp/da /tmp/dc", "cmp: EOF on /tmp/dc after byte 13, in line 3\n", 1),
        ("cmp -l /tmp/da /tmp/db 2> /dev/null | head -1", " 5 164 124\n", 0),
    ],
)
def test_on_a_box(line: str, printed: str, status: int) -> None:
    out, err, ended = boxed(line, FILES)
    assert (out + err, ended) == (printed, status)
