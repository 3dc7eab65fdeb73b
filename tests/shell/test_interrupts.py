"""Ctrl-C ends whatever runs within half a second, on a box of 4 GiB that has work in it; the box is whole."""

import io
import signal
import time
from collections.abc import Iterator
from types import FrameType

import pytest

from memsh.cli import open_session
from memsh.inspect import check
from memsh.shell.session import Session

HEEDED = 0.5
PRESSED = 0.15  # seconds after the line begins
SETUP = """\
sysctl -w vm.overcommit_memory=1
mmap 700M
big=$
touch $big 700M
fork
dd if=/dev/zero of=/tmp/f bs=1M count=300
seq 100000 > /tmp/lines
"""
# what takes long by itself, and each command of the registry that can be given much to do
LINES = """\
check
physmap
account
frag
whatis $big
touch $big 700M
read $big 700M
write $big 700M
fill $big 700M
frames $big 700M
nodes $big 700M
mlock $big 700M
mmap 2G rw populate
madvise $big 700M pageout
hexdump -C /tmp/f
cat /proc/*/smaps > /dev/null
cat /proc/kpageflags > /dev/null
cat /tmp/f | wc
md5sum /tmp/f
grep -c x /tmp/f
sort -r /tmp/lines > /dev/null
sed s/1/2/g /tmp/lines > /dev/null
awk 'BEGIN {for (;;) x++}'
awk 'BEGIN {while (1) a[i++] = i}'
awk '{n = n + $1 % 7 "x"} END {print n}' /tmp/lines
awk '/(1*)*(1*)*z/' /tmp/lines
grep -E '(1*)*(1*)*(2*)*z' /tmp/lines
nl /tmp/lines > /dev/null
od -v /tmp/lines > /dev/null
xargs -n1 echo < /tmp/lines > /dev/null
cp /tmp/f /tmp/g
dd if=/tmp/f of=/tmp/g bs=4k
find / > /dev/null
ls -lR / > /dev/null
du /
sync
yes > /dev/null
seq 9000000 > /dev/null
cat /dev/zero > /dev/null
cat /dev/zero | tr a b > /dev/null
yes | head -n 100000000 | tail -n 1
explain touch $big 700M
explain -n touch $big 700M
explain check
compare 'touch $big 700M' 'true'
compare 'while true; do true; done' 'true'
plot meminfo.MemFree -t 100d
top -b -n 100000
vmstat 1 1000000
sleep 100000000
age 30d
for i in {1..100000}; do display 'sleep 100000000'; done
while true; do malloc 100k; done
while true; do malloc 1M; touch $ 1M; done
stress --vm 4 --vm-bytes 800M -t 1000
echo 3 > /proc/sys/vm/drop_caches
echo 1 > /proc/sys/vm/compact_memory
swapoff -a
f() { f2; f; }; f2() { while true; do true; done; }; f
x=$(yes)
watch true
sh -c 'while :; do :; done'
timeout 100000000 sleep 10000000
"""


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    made = open_session(["--ram", "4G", "--swap", "1G"], io.StringIO(), io.StringIO())
    made.run(SETUP)
    with made.taking_interrupts():
        yield made


@pytest.mark.parametrize("line", LINES.splitlines())
def test_ctrl_c_is_heeded(session: Session, line: str) -> None:
    pressed: list[float] = []

    def press(number: int, frame: FrameType | None) -> None:
        pressed.append(time.process_time())
        session.on_sigint(number, frame)

    before = signal.signal(signal.SIGALRM, press)
    signal.setitimer(signal.ITIMER_REAL, PRESSED)
    try:
        status = session.run(line + "\n")
        ended = time.process_time()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    if pressed:
        assert status == 130, "the line ended as if nobody had pressed Ctrl-C"
        assert ended - pressed[0] < HEEDED
    assert not session.interrupted and session.language.loops == 0 and session.language.frames == []
    assert session.run("true\n") == 0


def test_the_box_is_whole_after_all_of_them(session: Session) -> None:
    assert check.check(session.box) == []
