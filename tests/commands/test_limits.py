"""ulimit, umask and prlimit as they are typed, and what the limits stop."""

import pytest

from memsh.inspect.check import check
from tests.commands.typed import Typed

BASH = """\
real-time non-blocking time  (microseconds, -R) unlimited
core file size              (blocks, -c) 0
data seg size               (kbytes, -d) unlimited
scheduling priority                 (-e) 0
file size                   (blocks, -f) unlimited
pending signals                     (-i) {half}
max locked memory           (kbytes, -l) 8192
max memory size             (kbytes, -m) unlimited
open files                          (-n) 1024
pipe size                (512 bytes, -p) 8
POSIX message queues         (bytes, -q) 819200
real-time priority                  (-r) 0
stack size                  (kbytes, -s) 8192
cpu time                   (seconds, -t) unlimited
max user processes                  (-u) {half}
virtual memory              (kbytes, -v) unlimited
file locks                          (-x) unlimited
"""  # as bash 5.2 prints it


def test_ulimit_prints_what_bash_prints(typed: Typed) -> None:
    half = int(typed("cat /proc/sys/kernel/threads-max")) // 2
    assert typed("ulimit -a") == BASH.format(half=half)
    assert typed("ulimit -s -c").splitlines() == [
        "stack size                  (kbytes, -s) 8192", "core file size              (blocks, -c) 0",
    ]  # fmt: skip
    assert typed("ulimit -Hs; ulimit -Hn; ulimit") == "unlimited\n4096\nunlimited\n"


@pytest.mark.parametrize(
    ("line", "said", "status"),
    [
        ("ulimit -z", "ulimit: -z: invalid option\nulimit: usage: ulimit [-SHabcdefiklmnpqrstuvxPRT] [limit]\n", 2),
        ("ulimit -s abc", "ulimit: abc: invalid number\n", 1),
        ("ulimit -Hs 4096", "ulimit: stack size: cannot modify limit: Invalid argument\n", 1),
        ("ulimit -n 2000000", "ulimit: open files: cannot modify limit: Operation not permitted\n", 1),
        ("ulimit -p 4", "ulimit: pipe size: cannot modify limit: Invalid argument\n", 1),
        ("ulimit -v 99999999999999999999", "ulimit: 99999999999999999999: limit out of range\n", 1),
        ("umask 999", "umask: 999: octal number out of range\n", 1),
        ("umask abc", "umask: `b': invalid symbolic mode operator\n", 1),
        ("umask u=q", "umask: `q': invalid symbolic mode character\n", 1),
        ("umask -x", "umask: -x: invalid option\numask: usage: umask [-p] [-S] [mode]\n", 2),
        ("prlimit --nofile=10:5", "prlimit: the soft limit NOFILE cannot exceed the hard limit\n", 1),
        ("prlimit --nofile=a", "prlimit: failed to parse NOFILE limit\n", 1),
        ("prlimit --pid 999", "prlimit: failed to get the AS resource limit: No such process\n", 1),
        ("prlimit --pid x", "prlimit: invalid PID argument: 'x'\n", 1),
        ("prlimit --foo",
         "prlimit: unrecognized option '--foo'\nTry 'prlimit --help' for more information.\n", 1),
        ("prlimit -p 53 ls", "prlimit: options --pid and COMMAND are mutually exclusive\n", 1),
    ],
)  # fmt: skip
def test_what_is_refused_is_refused_in_the_tools_words(line: str, said: str, status: int) -> None:
    typed = Typed("--arch", "i386", "--ram", "128M")
    assert (typed(line), typed.status) == (said, status)


def test_prlimit_prints_what_util_linux_prints(typed: Typed) -> None:
    assert typed("prlimit --stack") == (
        "RESOURCE DESCRIPTION       SOFT      HARD UNITS\nSTACK    max stack size 8388608 unlimited bytes\n"
    )
    assert typed("prlimit --noheadings --output RESOURCE,SOFT -n") == "NOFILE   1024\n"
    assert typed("prlimit -s --raw | tail -1") == "STACK max\\x20stack\\x20size 8388608 unlimited bytes\n"
    assert typed("prlimit --verbose --nofile=20:") == "New NOFILE limit for pid 53: <20:4096>\n"
    assert typed("grep 'open files' /proc/53/limits").split()[3:5] == ["20", "4096"]
    assert len(typed("prlimit").splitlines()) == 17


def test_the_address_space_has_a_limit(typed: Typed) -> None:
    typed("ulimit -v 50000")
    assert "mmap: Cannot allocate memory" in typed("mmap 60M")
    assert "malloc: Cannot allocate memory" in typed("malloc 60M")
    assert typed("mmap 10M").startswith("$")
    assert check(typed.session.box) == []


def test_data_has_a_limit_and_the_log_tells_once(typed: Typed) -> None:
    typed("ulimit -d 2000")
    typed("mmap 60M; mmap 60M rw; malloc 60M; sbrk 8M")
    assert typed.status == 1
    assert typed("mmap 60M r").startswith("$")  # nobody could write there
    words = "exceed data ulimit 2048000. Update limits or use boot option ignore_rlimit_data."
    told = typed(f"dmesg | grep -c 'mmap: .*{words}'")
    assert told == "1\n"


def test_the_stack_has_a_limit(typed: Typed) -> None:
    typed("ulimit -s 512")
    assert typed("stack 400k").startswith("minflt")
    assert "Segmentation fault" in typed("stack 600k")


def test_children_and_exec_keep_limits_and_threads_share_them(typed: Typed) -> None:
    typed("ulimit -n 77; c=$(fork)")
    assert typed("as $c ulimit -n; as $c exec a.out; as $c ulimit -n").endswith("77\n")
    assert typed("as $c ulimit -n 55; ulimit -n") == "77\n"
    typed("thread; ulimit -n 99; switch 53")
    assert typed("ulimit -n") == "99\n"


def test_prlimit_starts_a_command_with_other_limits(typed: Typed) -> None:
    typed("prlimit --stack=33554432 run a.out")
    assert typed("ulimit -s; as 53 ulimit -s; as 1 ulimit -s") == "32768\n8192\n8192\n"
    typed("thread")
    start, end = typed("grep -A1 -- '---p' /proc/self/maps | tail -1").split()[0].split("-")
    assert int(end, 16) - int(start, 16) == 32 << 20  # a thread's stack is as long as the limit was at the start
    assert "minflt" in typed("prlimit --as=1000000:unlimited mmap 4k || mmap 4k")


def test_files_have_a_largest_length(typed: Typed) -> None:
    typed("ulimit -f 4")
    killed = "File size limit exceeded\n153\n"
    assert typed("dd if=/dev/zero of=/x bs=1k count=10; echo $?") == killed
    assert typed("wc -c < /x") == "4096\n"
    assert typed("truncate -s 8k /x; echo $?") == killed and typed("fallocate -l 8k /x; echo $?") == killed
    for line in ("head -c 9k /dev/zero > /y", "seq 100000 > /y", "yes | head -n 9000 > /y", "cat /x /x > /y"):
        assert typed(f"{line}; echo $?") == killed, line
        assert typed("wc -c < /y") == "4096\n"
    assert typed("cp /x /y; cat /x >> /y; echo $?") == killed
    assert typed("echo hello >> /y; echo $?") == "echo: write error: File too large\n1\n"
    assert typed("truncate -s 1k /x; ulimit -f unlimited; truncate -s 8k /x") == ""


def test_who_dies_of_a_file_that_grows_too_large() -> None:
    """As bash and coreutils do: a ( … ) whose builtin writes, tee, cp; with the signal ignored all read the error."""
    typed = Typed()
    killed = "File size limit exceeded\n"
    assert typed("(ulimit -f 1; printf '%3000s' x > f; echo here); echo $?; wc -c < f") == f"{killed}153\n1024\n"
    assert typed("(ulimit -f 1; seq 1000 | tee f > /dev/null; echo $?); (ulimit -f 1; cp f g); echo $?") == (
        f"{killed}153\n0\n"
    )
    assert typed("(ulimit -f 1; seq 1000 > h; cp h g; seq 999 > i); echo $?") == f"{killed}{killed}153\n"
    text = typed("(ulimit -f 1; trap '' XFSZ; printf '%3000s' x > f; echo $?; head -c 3000 /dev/zero > f; echo $?)")
    assert text == "printf: write error: File too large\n1\nhead: write error: File too large\n1\n"


def test_rss_has_no_effect(typed: Typed) -> None:
    assert "minflt 256" in typed("ulimit -m 100; p=$(mmap 1M); touch $p 1M")
    assert int(typed("grep VmRSS /proc/self/status").split()[1]) > 1024


def test_umask(typed: Typed) -> None:
    assert typed("umask; umask -S; umask -p") == "0022\nu=rwx,g=rx,o=rx\numask 0022\n"
    typed("umask 077; touch /a; mkdir /b")
    assert typed("stat -c %a /a /b") == "600\n700\n"
    assert typed("umask u=rwx,g+r,o=; umask; umask -pS") == "0037\numask -S u=rwx,g=r,o=\n"
    assert typed("grep Umask /proc/self/status") == "Umask:\t0037\n"


def test_undo_takes_a_limit_back(typed: Typed) -> None:
    typed("ulimit -n 77")
    typed("undo")
    assert typed("ulimit -n") == "1024\n"


def test_what_a_full_file_system_did_not_take_is_told(typed: Typed) -> None:
    typed("mkdir /m; mount -t tmpfs -o size=64k none /m")
    assert typed("head -c 200000 /dev/zero > /m/x; echo $?") == "head: No space left on device\n1\n"
    assert typed("wc -c < /m/x") == "65536\n"
