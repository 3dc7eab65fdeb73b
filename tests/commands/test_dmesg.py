"""dmesg's options, top's fields and threads, hexdump of files, on a box."""

import json

import pytest

from tests.textutils.boxed import boxed


def test_the_log_is_read_and_cleared() -> None:
    whole = boxed("dmesg")[0]
    assert boxed("dmesg -c")[0] == whole != ""
    assert boxed("dmesg")[0] == ""
    assert boxed("dmesg -C; dmesg | wc -l")[0] == "0\n"


def test_forms_of_time() -> None:
    boxed("sleep 5; run a.out; echo 1 > /proc/sys/vm/drop_caches")
    plain, delta = boxed("dmesg")[0], boxed("dmesg -d")[0]
    assert plain and len(delta.splitlines()) == len(plain.splitlines())
    assert "<    0.000000>] " in delta.splitlines()[0]
    assert boxed("dmesg -H")[0].splitlines()[0].startswith("[Nov")
    found = json.loads(boxed("dmesg -J")[0])["dmesg"]
    assert len(found) == len(plain.splitlines()) and set(found[0]) == {"pri", "time", "msg"}
    assert boxed("dmesg --until '1 hour ago'")[0] == ""
    assert boxed("dmesg --since '1 hour ago'")[0] == plain
    assert boxed("dmesg -u")[0] == boxed("dmesg -f user")[0] == ""


@pytest.mark.parametrize(
    ("line", "printed"),
    [
        ("dmesg -W", ""),
        ("top -b -n1 -1 | sed -n 3p | cut -c1-9", "%Cpu0  : \n"),
        ("top -b -n1 -H | sed -n 2p | cut -c1-9", "Threads: \n"),
        ("top -O | head -2", "PID\nPPID\n"),
        ("top -O | wc -l", "78\n"),
        ("top -b -n1 -o -PID | sed -n '8p' | cut -c1-6", "    1 \n"),
        ("printf 'hello\\n' | hexdump -C",
         "00000000  68 65 6c 6c 6f 0a                                 |hello.|\n00000006\n"),
        ("printf 'hello\\n' > /tmp/h; hexdump /tmp/h", "0000000 6568 6c6c 0a6f                         \n0000006\n"),
        ("printf 'hello\\n' > /tmp/h; hexdump -C -n 4 -s 1 /tmp/h | tail -1", "00000005\n"),
    ],
)  # fmt: skip
def test_on_a_box(line: str, printed: str) -> None:
    assert boxed(line)[:2] == (printed, "")
