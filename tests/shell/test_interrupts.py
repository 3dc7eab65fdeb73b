"""Ctrl-C ends whatever runs within half a second of CPU time, on a box of 4 GiB that has work in it; the box is whole.

Each command of the registry runs its declared example, and a line that gives it much to do where there can be such a
line. Not only the one press is timed: no line may work longer than that between two places where Ctrl-C is looked for.
"""

import gc
import io
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest

from memsh.cli import open_session
from memsh.inspect import check
from memsh.libc.malloc import Malloc
from memsh.shell.errors import Interrupted
from memsh.shell.session import Session
from memsh.teach.journal import attach
from tests.observing import differing, session_seen

HEEDED = 0.5  # seconds of CPU time
PRESSED = 0.3  # after the line begins
SETUP = """\
sysctl -w vm.overcommit_memory=1
mmap 700M
big=$
touch $big 700M
fork
dd if=/dev/zero of=/tmp/f bs=1M count=300
seq 100000 > /tmp/lines
for i in {1..40}; do fork > /dev/null; done
"""
WAITING = frozenset({"exit", "quit", "less", "more", "lesson", "tour", "quiz", "pause", "record", "procdump", "save"})
# much to do, for each command that can be given it
MUCH = """\
account
age 300d
aligned_alloc 64 900M; write $ 900M
awk 'BEGIN {for (;;) x++}'
awk 'BEGIN {while (1) a[i++] = i}'
awk '{n = n + $1 % 7 "x"} END {print n}' /tmp/lines
awk '/(1*)*(1*)*z/' /tmp/lines
bc -l <<< 'e(99999)'
bc <<< "$(seq -s+ 200000)"
x=$(seq -s';x=' 200000); awk "BEGIN{x=$x}"
seq 20000 | xargs tee > /dev/null < /dev/null; tee $(seq 20000) < /dev/null
x=$(seq -s: 200000); PATH=$x nosuch; CDPATH=$x; cd nosuch
swapon $(seq 100000) 2> /dev/null
grep -f <(seq 100000) /proc/meminfo
grep -o -F -f <(seq 100000) /proc/meminfo
read -r -a x < <(seq 300000 | tr '\\n' ' ')
as 1 cat /proc/*/smaps > /dev/null
base64 /tmp/f > /dev/null
base32 -w 0 < <(yes)
seq 300000 | tsort > /dev/null
base64 /tmp/f | base64 -d > /dev/null
while true; do break 0; done; while true; do true || break; done
buddy; while :; do buddy > /dev/null; done
calloc 1000 900k
cat /proc/*/smaps > /dev/null
cat /proc/kpageflags > /dev/null
cat /proc/kpagecount | wc
cat /proc/self/pagemap | md5sum
cat /tmp/f | wc
cat /dev/zero > /dev/null
cat /dev/zero | tr a b > /dev/null
check
cmp /tmp/f /dev/zero
column -t /tmp/lines > /dev/null
comm /tmp/lines /tmp/lines > /dev/null
compare 'touch $big 700M' 'true'
compare 'while true; do true; done' 'true'
cp /tmp/f /tmp/g
cut -c1-3 /tmp/f /tmp/lines > /dev/null
dd if=/tmp/f of=/tmp/g bs=4k
delta on; for i in $(seq 100000); do kmalloc 64 > /dev/null; done
diagnose /tmp/lines
diff /tmp/lines /proc/meminfo > /dev/null
seq 60000 | sort -R > /tmp/l2; diff /tmp/lines /tmp/l2 > /dev/null
for i in {1..100000}; do display 'sleep 100000000'; done
du /
egrep '(1*)*(1*)*(2*)*z' /tmp/lines
grep -E '(1*)*(1*)*(2*)*z' /tmp/lines
grep -c x /tmp/f
exec a.out
explain touch $big 700M
explain -n touch $big 700M
explain check
explain -d 9 write $big 700M
fallocate -l 2G /big
fgrep -c x /tmp/f
fields slabinfo; while :; do fields meminfo > /dev/null; done
fill $big 700M
find / > /dev/null
find / -regex '.*(a*)*(a*)*b'
fold -w 1 /tmp/lines > /dev/null
while :; do fork > /dev/null; done
frag
fragment --order 1
frames $big 700M
free -s 1 -c 1000000 > /dev/null
gawk 'BEGIN {while (1) s = s "x"}'
heap
head -c 900M /dev/zero | tail -c 3
hexdump -C /tmp/f
hexdump $big 700M
join /tmp/lines /tmp/lines > /dev/null
killall -9 a.out
kill -9 -1
alloc_pages 10; while :; do alloc_pages 0 > /dev/null; done
kmem_cache alloc_bulk dentry 3000000 > /dev/null
vmalloc 100M
layout; while :; do layout > /dev/null; done
while let 1; do let x++; done
ls -lR / > /dev/null
madvise $big 700M pageout
madvise $big 700M dontneed
madvise $big 700M cold
mapfile a < /dev/zero
mapfile a < /tmp/lines; while :; do mapfile b < /tmp/lines; done
md5sum /tmp/f
memfd big 2G
mkfile /big 3G
mincore $big 700M
mlock $big 700M
mlockall current,future
mmap 2G rw populate
mprotect $big 700M r
mremap $big 700M 2G maymove
msync $big 700M
munmap $big 700M
mv /tmp/f /
nl /tmp/lines > /dev/null
nodes $big 700M
od -v /tmp/lines > /dev/null
owner $big
paste /tmp/lines /tmp/lines > /dev/null
paste -s /tmp/lines > /dev/null
physmap
pidof a.out; while :; do pidof a.out > /dev/null; done
pipes 100000
plain on; for i in $(seq 100000); do malloc 100k > /dev/null; done
plot meminfo.MemFree -t 100d
pmap -X $(pgrep a.out) > /dev/null; while :; do pmap -x 53; done > /dev/null
process_vm_readv 53 $big $big 700M
while :; do ps aux > /dev/null; done
printf '%s\\n' {1..300000} > /dev/null
read $big 700M
readarray x < /tmp/f
realloc $(malloc 100M) 900M; write $ 900M
for i in 1 2 3 4 5 6 7 8 9; do fork; done; _exit
rev /tmp/lines > /dev/null
rm /tmp/f; rm -rf /tmp
run a.out-dyn; while :; do run a.out > /dev/null; done
sed s/1/2/g /tmp/lines > /dev/null
sed -E ':a; s/^(1*)*x/x/; ba' /tmp/lines > /dev/null
seq 9000000 > /dev/null
sha1sum /tmp/f
sha256sum /tmp/f
shmget 1 2G; p=$(shmat $); write $p 2G
slab dentry; while :; do slab kmalloc-64 > /dev/null; done
while :; do slabtop -o > /dev/null; done
sleep 100000000
sockets 10000
sort -r /tmp/lines > /dev/null
sort -R /tmp/lines > /dev/null
sort -k1,1n -k2 -u /tmp/lines /tmp/lines > /dev/null
source <(yes malloc 100)
split_rss on; touch $big 700M; split_rss off
stack 7M; stack 700M
stopped 99999999 'while :; do malloc 100; done'
strace sh -c 'while :; do malloc 100k; done' > /dev/null
stress --vm 4 --vm-bytes 800M -t 1000
sudo cat /tmp/f > /dev/null
swapoff -a
sync
sysctl -w vm.drop_caches=3
sysctl -w vm.compact_memory=1
sysctl -w vm.nr_hugepages=100
while :; do sysctl -a > /dev/null; done
tac /tmp/lines > /dev/null
yes | head -n 100000000 | tail -n 1
tail -n 1000000 /tmp/f | wc
cat /dev/zero | tee /tmp/x | tee /tmp/y > /dev/null
while test 1; do [ 1 ]; [[ a == b* ]]; done
while :; do thread > /dev/null; done
time while :; do :; done
timeout 100000000 sleep 10000000
timeout 1000000 cat /dev/zero > /dev/null
top -b -n 100000 > /dev/null
touch $big 700M
tr -s a b < /tmp/f > /dev/null
trace on; for i in $(seq 1000000); do kmalloc 64; done > /dev/null; trace show
trap 'echo caught' INT; while :; do :; done
truncate -s 0 /tmp/f
uniq -c /tmp/lines > /dev/null
uname; while :; do uname -a; hostname; uptime; w; date; nproc; id; done > /dev/null
umount /tmp
vmmap; while :; do vmmap > /dev/null; done
vmstat 1 1000000 > /dev/null
watch -n 1 true
watch -n 1 --count 1000000 'cat /proc/*/smaps' > /dev/null
wc /tmp/f /tmp/lines
whatis $big
write $big 700M
xargs -n1 echo < /tmp/lines > /dev/null
xargs echo < /tmp/lines > /dev/null
xxd /tmp/f > /dev/null
yes > /dev/null
x=$(yes)
zones; while :; do zones > /dev/null; done
while true; do malloc 100k; done
while true; do malloc 1M; touch $ 1M; done
while true; do p=$(malloc 100k); free $p; done
echo 3 > /proc/sys/vm/drop_caches
echo 1 > /proc/sys/vm/compact_memory
echo 1 > /proc/self/clear_refs; echo 5 > /proc/self/clear_refs; while :; do echo 4 > /proc/self/clear_refs; done
for i in {1..100000}; do echo t > /proc/sysrq-trigger; done
f() { f2; f; }; f2() { while true; do true; done; }; f
sh -c 'while :; do :; done'
eval 'while :; do :; done'
x=$(printf 'a%.0s' {1..9000}); while :; do y=${x//*a*a*a*b/}; [[ $x == *a*a*a*b ]]; case $x in *a*a*a*b) ;; esac; done
for ((;;)); do :; done
undo 3
redo; snapshot s; restore s; diff s s; undo 2
(while :; do sleep 1; done) & (while :; do malloc 3; done) & wait
"""


class Watch:
    """The longest time between two looks for Ctrl-C, where it is not raised at once anyway."""

    def __init__(self, session: Session) -> None:
        self.session, self.longest, self.last, self.inside = session, 0.0, time.process_time(), 0
        self.poll, self.looking = session.poll, session.looking
        session.poll, session.looking = self.polled, self.looked  # type: ignore[method-assign]

    def begin(self) -> None:
        self.longest, self.last, self.inside = 0.0, time.process_time(), 0

    def polled(self) -> None:
        now = time.process_time()
        if not self.inside and now - self.last > self.longest:
            self.longest = now - self.last
        self.last = now
        self.poll()

    @contextmanager
    def looked(self) -> Iterator[None]:
        with self.looking():
            self.inside += 1
            try:
                yield
            finally:
                self.inside -= 1
                self.last = time.process_time()


def opened(*arguments: str) -> Session:
    return open_session(list(arguments), io.StringIO(), io.StringIO())


def examples() -> list[str]:
    """The declared example of each command, as a line."""
    registry = opened("--ram", "64M").registry
    commands = [*registry.commands.values(), *(command for command, _ in registry.shared.values())]
    told = {command.name: "; ".join(command.example) for command in commands if command.name not in WAITING}
    assert all(told.values()), "a command without an example"
    return sorted(told.values())


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watch]:
    made = opened("--ram", "4G", "--swap", "1G")
    made.run(SETUP + "snapshot worked\n")
    with pytest.MonkeyPatch.context() as here, made.taking_interrupts():
        here.chdir(tmp_path_factory.mktemp("host"))
        gc.freeze()  # what other tests have left is not what is measured
        yield Watch(made)
        gc.unfreeze()


@pytest.mark.parametrize("line", [*MUCH.splitlines(), *examples()])
def test_ctrl_c_is_heeded(watch: Watch, line: str) -> None:
    session = watch.session
    session.run("restore worked\n")
    pressed: list[float] = []

    def press(number: int, frame: FrameType | None) -> None:
        pressed.append(time.process_time())
        session.on_sigint(number, frame)

    before = signal.signal(signal.SIGPROF, press)
    signal.setitimer(signal.ITIMER_PROF, PRESSED)
    watch.begin()
    try:
        status = session.run(line + "\n")
        ended = time.process_time()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    assert watch.longest < HEEDED, "nobody looked for Ctrl-C that long"
    if pressed:
        assert status == 130, "the line ended as if nobody had pressed Ctrl-C"
        assert ended - pressed[0] < HEEDED
    assert not session.interrupted and session.language.loops == 0 and session.language.frames == []
    assert session.run("true\n") == 0
    assert session.poll == watch.polled, "what comes next is not watched"


def test_the_box_is_whole_after_all_of_them(watch: Watch) -> None:
    assert check.check(watch.session.box) == []


LOOPS = """\
while true; do malloc 4k; done
for i in 1 2 3 4 5 6 7 8 9; do kmalloc 64; sleep 1; done
p=$(mmap 1M); touch $p 1M; fork; write $p 1M
f() { malloc 10; f; }; f
(while true; do malloc 7; sleep 1; done) & sleep 5; wait
stress --vm 1 --vm-bytes 1M -t 3
seq 900 | while read -r n; do kmalloc $n; done
x=$(malloc 10; malloc 20; history); y=$x
trap 'malloc 3' INT; malloc 5; malloc 6; trap - INT
"""


@pytest.mark.parametrize("part", range(8))
def test_the_journal_knows_how_far_a_line_came(part: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command's example, cut at some poll: undone and redone, the box is what it was."""
    monkeypatch.chdir(tmp_path)
    made = opened("--ram", "64M", "--swap", "8M")
    poll, polls = made.poll, [0]

    def counted() -> None:
        polls[0] -= 1
        made.interrupted = made.interrupted or not polls[0]
        poll()

    made.poll = counted  # type: ignore[method-assign]
    for number, line in enumerate([*LOOPS.splitlines(), *examples()]):
        if number % 8 == part:
            polls[0] = 1 + number * 7 % 23
            made.run(line + "\n")
            assert not made.interrupted
    polls[0] = 0
    there = session_seen(made)
    assert check.check(made.box) == []
    changed = sum(entry.changed for entry in attach(made).entries)
    for count in (1, changed):
        made.run(f"undo {count}\n")
        made.run(f"redo {count}\n")
        assert not differing(there, session_seen(made)), f"undo {count}"


def test_pressed_in_a_finalizer_it_comes_again() -> None:
    made = opened("--ram", "64M")

    def dropped() -> Iterator[int]:
        try:
            yield 1
        finally:
            made.on_sigint(signal.SIGINT, None)

    with pytest.raises(Interrupted), made.looking():
        kept = dropped()
        next(kept)
        del kept  # what is raised there is swallowed
        for _ in range(1 << 40):
            pass
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)


class Stepped:
    """Within `with`, `press` is called at one step: so many lines, calls and returns after the beginning."""

    def __init__(self, step: int, press: Callable[[int, FrameType | None], None]) -> None:
        self.left, self.press = step, press

    @property
    def reached(self) -> bool:
        return self.left <= 0

    def __enter__(self) -> None:
        sys.settrace(self._trace)

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _trace(self, frame: FrameType, event: str, argument: object) -> object:
        self.left -= 1
        if not self.left:
            self.press(signal.SIGINT, frame)
        return self._trace


@pytest.mark.parametrize("before", [False, True])
def test_pressed_at_any_step_into_what_only_looks_and_out_of_it(before: bool) -> None:
    """Also when it comes again there, having been raised `before`: nothing of it is left to be raised later."""
    made = opened("--ram", "64M")
    for step in range(1, 300):
        made.interrupted, raised = False, False
        stepped = Stepped(step, made.insisting._again if before else made.on_sigint)
        try:
            with stepped, made.looking():
                if before:
                    made.on_sigint(signal.SIGINT, None)
        except Interrupted:
            raised = True
        assert not made.only_looks and not made.insisting.on, f"step {step}"
        assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0), f"step {step}"
        if not stepped.reached:
            break
        assert raised or made.interrupted
    else:
        pytest.fail("there is no end of it")


def test_pressed_at_any_step_of_a_wait_for_the_host_it_is_heard_once() -> None:
    """Afterwards nobody waits: the next press is taken at a safe point, not in the middle of what is done then."""
    made = opened("--ram", "64M")
    for step in range(1, 300):
        made.interrupted, raised = False, False
        stepped = Stepped(step, made.on_sigint)
        try:
            with stepped, made.host_wait():
                pass
        except KeyboardInterrupt:
            raised = True
        assert not made.host_waiter and not made.busy_elsewhere(), f"step {step}"
        if not stepped.reached:
            break
        assert raised != made.interrupted
    else:
        pytest.fail("there is no end of it")


def test_what_heap_writes_before_it_looks_is_not_cut_short(monkeypatch: pytest.MonkeyPatch) -> None:
    made, done = opened("--ram", "64M"), []
    load = Malloc.load_variables

    def pressed(heap: Malloc) -> None:
        made.on_sigint(signal.SIGINT, None)
        load(heap)
        done.append(heap)

    monkeypatch.setattr(Malloc, "load_variables", pressed)
    assert made.run("heap\n") == 130 and len(done) == 1
    assert check.check(made.box) == [] and made.run("true\n") == 0


def test_who_waits_for_the_host_beside_a_line_is_not_the_one_who_is_told() -> None:
    made = opened("--ram", "64M")
    there, pressed = threading.Event(), threading.Event()

    def waits() -> None:
        with made.host_wait():
            there.set()
            pressed.wait(60)

    beside = threading.Thread(target=waits)
    beside.start()
    assert there.wait(60)
    made.on_sigint(signal.SIGINT, None)  # raises nothing in this thread, which does something else
    pressed.set()
    beside.join(60)
    assert made.interrupted and not made.host_waiter


@pytest.mark.parametrize("line", ["column -t /proc/swaps", "diff /proc/swaps /proc/version", "diagnose /proc/meminfo"])
def test_it_is_taken_anywhere_in_what_only_looks(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = opened("--ram", "64M")
    looking = made.looking

    @contextmanager
    def pressed() -> Iterator[None]:
        with looking():
            made.on_sigint(signal.SIGINT, None)
            yield

    monkeypatch.setattr(made, "looking", pressed)
    assert made.run(line + "\n") == 130


@pytest.mark.parametrize("line", ["set -- $x", "y=${x^^}", "y=${x//1/2}", "y=${x@Q}", 'eval "# ${x//[!0-9]/ }"'])
def test_it_is_looked_for_in_long_texts(line: str) -> None:
    made = opened("--ram", "64M")
    made.run("x=$(seq 20000)\n")
    polls = made.polls
    made.run("true\n")
    once = made.polls - polls
    made.run(line + "\n")
    assert made.polls - polls > 2 * once + 1
