"""The box's own count of its changes: it moves with everything that can be seen, and with nothing that only looks."""

from __future__ import annotations

import io

import pytest

from memsh.cli import open_session
from memsh.shell.registry import REGISTRY, Command
from memsh.shell.session import Session
from tests.observing import differing, seen

ARCHES = ["i386", "x86_64"]
SETTING = """\
echo some text > /tmp/f; mkdir /tmp/d; mkfile /big 300k; cat /big > /dev/null
p=$(mmap 64k rw); touch $p 64k; m=$(malloc 100); k=$(kmalloc 64); fork
""".splitlines()
CHANGES = """\
sysctl -w vm.swappiness=60
echo 100 > /proc/sys/kernel/threads-max
sysctl -w vm.watermark_scale_factor=10
cat /big > /dev/null
cat /big > /dev/null
cat /big > /dev/null
read $p 64k; echo 1 > /proc/self/clear_refs
read $p 64k
write $p 1
hexdump $p 16
madvise $p 64k random; madvise $p 64k normal
mprotect $p 64k r
as 1 true
echo 5 > /proc/self/oom_score_adj
mlock $p 8k
munlock $p 8k
free $m
malloc 100
kfree $k
echo more >> /tmp/f
chmod 600 /tmp/f
mv /tmp/f /tmp/g
rm /tmp/g
truncate -s 10k /big
kmalloc 1M GFP_ATOMIC
alloc_pages 10; alloc_pages 10 GFP_ATOMIC; alloc_pages 10 GFP_DMA
drain_all_pages
kmem_cache shrink dentry
split_rss on
split_rss off
trace on
kmalloc 64
trace clear
trace off
dmesg -C
sleep 0.001
kill -STOP 54
kill -CONT 54
kill -9 54
wait
exec 3< /big
exec 3<&-
poke $p "x"
plain on
plain off
""".splitlines()
LOOKS = """\
cat /proc/meminfo /proc/slabinfo /proc/self/smaps /proc/self/maps /proc/vmstat /proc/zoneinfo
ls -l /tmp /proc; stat /big; find /proc/sys /tmp -name big
heap; areas; pages $p 64k; account; buddy; frag; slabtop -o; ps aux; pmap -x 53; check
kmalloc_not_there; kill -0 53; x=5; echo $((x + 1)); sysctl vm.swappiness; sysctl -w vm.swappiness=-5
explain; history; owner $k; order 100k; ksize $k; layout; whatis $p; trace show; dmesg; getconf -a; ulimit -a
read $p 64k; hexdump $p 64; free 0; touch $p 64k
""".splitlines()


def opened(arch: str) -> Session:
    session = open_session(["--arch", arch, "--ram", "128M"], io.StringIO(), io.StringIO())
    for line in SETTING:
        session.run(line)
    return session


@pytest.mark.parametrize("arch", ARCHES)
def test_what_is_seen_moves_it(arch: str) -> None:
    session = opened(arch)
    for line in CHANGES:
        before, pulse = seen(session.box), session.box.pulse()
        session.run(line)
        assert session.box.pulse() != pulse or not differing(before, seen(session.box)), line


@pytest.mark.parametrize("line", [one for line in LOOKS for one in line.split("; ")])
def test_looking_moves_nothing(line: str) -> None:
    session = opened("i386")
    for _ in range(4):  # what was never asked for comes in, and is marked when it is asked for again
        session.run(line)
    pulse = session.box.pulse()
    session.run(line)
    assert session.box.pulse() == pulse


def _own(command: Command) -> bool:
    """Whether its example is about the box as it is: no journey, no file of the host."""
    return command.topic not in ("session", "teaching") and bool(command.example) and command.name != "procdump"


@pytest.mark.parametrize("arch", ARCHES)
def test_every_example(arch: str) -> None:
    """The examples of the help pages, one after the other in one session: an unknown command comes in by itself."""
    lines = [line for _, command in sorted(REGISTRY.commands.items()) if _own(command) for line in command.example]
    session = opened(arch)
    still = [False]  # after each line: whether the box is where it was before it
    for line in lines:
        box, pulse = session.box, session.box.pulse()
        session.run(line)
        still.append(session.box is box and box.pulse() == pulse)
    session = opened(arch)  # all that is seen takes long to gather: once for lines that move nothing, one by one if not
    missed, before = [], {}
    for at, line in enumerate(lines):
        if still[at + 1] and not still[at]:
            before = seen(session.box)
        session.run(line)
        if still[at + 1] and not (at + 2 < len(still) and still[at + 2]):
            missed += [f"at or before {line}: {told}" for told in differing(before, seen(session.box))[:3]]
    assert still.count(True) > 50 and not missed
