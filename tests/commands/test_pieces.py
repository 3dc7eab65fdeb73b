"""Files of /proc that are as long as memory, read from somewhere in the middle: dd, xxd, hexdump, od, cmp."""

from collections.abc import Callable
from functools import partial

import pytest

from memsh.linux.mm.memory.uaccess import write
from tests.sessions import typed_session

Run = Callable[..., str]


def _run(session: object, screen: object, line: str, status: int = 0) -> str:
    screen.seek(0)  # type: ignore[attr-defined]
    screen.truncate()  # type: ignore[attr-defined]
    assert session.run(line) == status, screen.getvalue()  # type: ignore[attr-defined]
    return screen.getvalue()  # type: ignore[attr-defined, no-any-return]


@pytest.fixture(scope="module")
def wide() -> tuple[Run, int, int]:
    """A machine of x86_64, where a word lies in memory, and at which offset of /proc/kcore."""
    session, screen = typed_session(["--arch", "x86_64"])
    box, run = session.box, partial(_run, session, screen)
    addr = int(run("p=$(malloc 100); echo $p"), 16)
    write(box, box.current, addr, b"hello kcore")
    pfn = next(pfn for pfn, page in box.memmap.data.items() if b"hello kcore" in bytes(page))
    layout = box.machine.layout
    at = layout.kcore_offset(box.arch.page_offset + (pfn << 12)) + layout.kcore_headers + addr % 4096
    return run, addr, at


def test_the_kernels_memory_from_the_middle(wide: tuple[Run, int, int]) -> None:
    """Where what comes before is larger than any disk."""
    run, _, at = wide
    assert at > 1 << 43
    assert run(f"xxd -s {at} -l 11 -p /proc/kcore") == b"hello kcore".hex() + "\n"
    assert run(f"hexdump -C -s {at} -n 5 /proc/kcore").split()[:6] == [f"{at:x}", *(f"{byte:02x}" for byte in b"hello")]
    assert run(f"od -A n -c -j {at} -N 5 /proc/kcore").split() == list("hello")
    assert run(f"od -A n -c -j {at} -N 5 < /proc/kcore").split() == list("hello")
    assert run(f"dd if=/proc/kcore bs=1 skip={at} count=5 status=none") == "hello"
    assert run("head -c 4 /proc/kcore | od -A n -c").split() == ["177", "E", "L", "F"]
    assert run("dd if=/proc/kcore bs=4096 skip=100000000 count=2 status=none | wc -c") == "8192\n"
    assert run(f"cmp -n 9999 -i {at}:{at} /proc/kcore /proc/kcore") == ""
    assert run(f"cmp -n 9 -i {at}:0 /proc/kcore /dev/zero", 1) == "/proc/kcore /dev/zero differ: char 1, line 1\n"


def test_a_processs_memory_at_its_addresses(wide: tuple[Run, int, int]) -> None:
    run, addr, _ = wide
    assert run(f"dd if=/proc/self/mem bs=1 skip={addr} count=5 status=none") == "hello"
    assert run("cat /proc/self/mem /dev/null", 1) == "cat: /proc/self/mem: Input/output error\n"
    assert run("grep -c x /proc/self/mem", 2).endswith("/proc/self/mem: Input/output error\n")


def test_leaving_out_more_than_there_is(wide: tuple[Run, int, int]) -> None:
    run, _, _ = wide
    run("echo abcdef > /tmp/x")
    assert run("od -A n -c -j 5 /tmp/x /tmp/x").split() == ["f", "\\n", *"abcdef", "\\n"]
    assert run("od -A n -c -j 9 /tmp/x /tmp/x").split() == [*"cdef", "\\n"]
    assert run("od -j 7 /tmp/x") == "0000007\n" and run("hexdump -s 10 /tmp/x") == ""
    assert run("od -j 8 /tmp/x", 1) == "od: cannot skip past end of combined input\n"
    assert run("xxd -p -s 2 -l 2 /tmp/x") == "6364\n" and run("xxd -p -s -3 -l 1 /tmp/x") == "65\n"
