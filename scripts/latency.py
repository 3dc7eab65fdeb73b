"""How quickly the prompt answers: `python scripts/latency.py [KEYS]`. Needs pexpect and pyte.

Boots memsh in a pseudo-terminal, gives the box 200 processes, and measures from a key press until the screen shows it,
with the completion menu open; then the time from starting memsh to its first prompt (and its CPU time, which other
work on the machine changes little), and that of `undo` in a session of 10,000 commands. Figures are milliseconds.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from memsh.cli import open_session  # noqa: E402
from tests.ui.person import Person  # noqa: E402

LINES = ("kill 1", "slab kmalloc-6", "cat /proc/1", "kmalloc 64 GFP_H", "free $", "munmap 0xb")


def pressed(person: Person, key: str) -> float:
    """Milliseconds from the key until the screen is as it will stay: the last change within 60 ms."""
    begun = last = time.perf_counter()
    person.type(key)
    while time.perf_counter() - last < 0.06:
        if person.read(0.002):
            last = time.perf_counter()
            shown = last
    return (shown - begun) * 1000


def keys(count: int) -> list[float]:
    """Each key of a few lines, typed with the menu open, again and again."""
    found: list[float] = []
    with tempfile.TemporaryDirectory() as home:
        person = Person(Path(home), "--ram", "1G")
        person.after("for i in $(seq 1 150); do fork > /dev/null; done; malloc 200k; name p")
        person.enter("ls /proc | grep -c '^[0-9]'")
        person.at_prompt()
        while len(found) < count:
            for line in LINES:
                person.at_prompt()
                head = line[:-1]
                person.type(head)
                time.sleep(0.1)
                person.read()
                for key in (line[-1], "\t", "\t", "\x1b[Z", "\x7f", line[-1], "\t"):
                    found.append(pressed(person, key))
                person.type("\x03")
        person.type("\x03")
        person.leave()
    return found


def first_prompt() -> tuple[float, float]:
    """Milliseconds until a key can be typed, and those of the CPU."""
    with tempfile.TemporaryDirectory() as home:
        begun = time.perf_counter()
        person = Person(Path(home), "--ram", "1G")
        person.until(lambda: "memsh>" in person.text)
        took = (time.perf_counter() - begun) * 1000
        fields = Path(f"/proc/{person.child.pid}/stat").read_text().rpartition(")")[2].split()
        person.leave()
    return took, (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def undo() -> float:
    """Milliseconds of one undo after 10,000 commands."""
    out = io.StringIO()
    session = open_session([], out, out)
    session.at_prompt = True
    for number in range(10_000):
        session.run("malloc 100" if number % 3 else "kmalloc 64")
    begun = time.perf_counter()
    session.run("undo")
    return (time.perf_counter() - begun) * 1000


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    starts = sorted(first_prompt() for _ in range(5))
    cpu = sorted(share for _, share in starts)[2]
    print(f"first prompt {starts[0][0]:.0f} to {starts[-1][0]:.0f} ms, middle {starts[2][0]:.0f}, of the CPU {cpu:.0f}")
    print(f"undo in a session of 10,000: {undo():.0f} ms")
    found = sorted(keys(count))
    said = [f"{part}% {found[min(len(found) - 1, len(found) * part // 100)]:.1f} ms" for part in (50, 90, 99)]
    print(f"{len(found)} keys with the menu open: {', '.join(said)}")


if __name__ == "__main__":
    main()
