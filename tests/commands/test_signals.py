"""pkill, killall, pidof, kill's lists, pwdx, w and tload on a box."""

import pytest

from tests.commands.typed import Typed
from tests.textutils.boxed import boxed

HEAD = "USER     TTY      "


@pytest.mark.parametrize(
    ("line", "printed", "status"),
    [
        ("pkill", "pkill: no matching criteria specified\nTry `pkill --help' for more information.\n", 2),
        ("pkill -0 -e '^kthreadd$'", "kthreadd killed (pid 2)\n", 0),
        ("pkill -e '^kthreadd$' -0", "kthreadd killed (pid 2)\n", 0),
        ("pkill -0 nosuchname", "", 1),
        ("pkill -c -0 '^kthreadd$'", "1\n", 0),
        ("pgrep -x 'kthreadd|init'", "1\n2\n", 0),
        ("pgrep '[[:digit:]]zzz'", "", 1),
        ("pgrep '('", "pgrep: regex error: Unmatched ( or \\(\n", 2),
        ("echo 1 > /tmp/p; pgrep -lF /tmp/p", "1 init\n", 0),
        ("pidof init", "1\n", 0),
        ("pidof nosuchname", "", 1),
        ("killall nosuchname", "killall: nosuchname: no process found\n", 1),
        ("killall -0 -v kthreadd", "Killed kthreadd(2) with signal 0\n", 0),
        ("killall -l | tail -1",
         "CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH POLL PWR SYS\n", 0),
        ("killall -s FOO a", "killall: FOO: unknown signal; killall -l lists signals.\n", 1),
        ("killall -r '('", "killall: Bad regular expression: (\n", 1),
        ("killall -u nobody_x init", "killall: Cannot find user nobody_x\n", 1),
        ("killall -o 5x init 2>&1 | head -1", "killall: Invalid time format\n", 0),
        ("killall -g init", "killall: --process-group: a signal goes to the processes of a name\n", 1),
        ("killall -0 -v -o 1y kthreadd", "killall: kthreadd: no process found\n", 1),
        ("killall -0 -v -y 1y kthreadd", "Killed kthreadd(2) with signal 0\n", 0),
        ("killall -0 -v -n 1 KTHREADD -I", "Killed kthreadd(2) with signal 0\n", 0),
        ("killall -0 -qn 9999 init", "", 1),
        ("killall -0 /bin/nosuch", "killall: /bin/nosuch: No such file or directory\n", 1),
        ("kill -l HUP; kill -lHUP; kill -l SIGHUP; kill -l1; kill -l 1", "1\n1\n1\nHUP\nHUP\n", 0),
        ("kill -L | head -1", " 1 HUP       2 INT       3 QUIT      4 ILL       5 TRAP      6 ABRT      7 BUS\n", 0),
        ("kill -s 0 1; kill -0 -q 42 1", "", 0),
        ("kill | head -2", "\nUsage:\n kill", 1),
        ("pwdx 1", "1: /\n", 0),
        ("pwdx 0", "pwdx: invalid process id: 0\n", 1),
        ("pwdx 99999", "99999: No such process\n", 1),
        ("w | tail -1", f"{HEAD}FROM             LOGIN@   IDLE   JCPU   PCPU WHAT\n", 0),
        ("w -s | tail -1", f"{HEAD}FROM              IDLE WHAT\n", 0),
        ("w -fs | tail -1", f"{HEAD}   IDLE WHAT\n", 0),
        ("w -h", "", 0),
        ("tload | head -1", " 0.00, 0.00, 0.00\n", 0),
        ("sysctl /../../etc/passwd", "sysctl: Path is not under /proc/sys/: /proc/sys//../../etc/passwd\n", 1),
        ("sysctl kernel/hostname", "kernel.hostname = localhost\n", 0),
        ("sysctl | head -2", "\nUsage:\n", 0),
    ],
)
def test_on_a_box(line: str, printed: str, status: int) -> None:
    out, err, ended = boxed(line)
    if line.startswith("kill |"):  # its usage goes to standard error
        assert err.startswith(printed)
    else:
        assert (out + err, ended) == (printed, status)


def test_killall_knows_the_age_the_program_and_the_whole_name() -> None:
    typed = Typed("--ram", "64M")
    typed("sleep 100; run a.out; sleep 5")
    old, new = typed("pgrep a.out").split()
    assert typed("killall -0 -v -o 90s a.out") == f"Killed a.out({old}) with signal 0\n"
    assert typed("killall -0 -v -y 10s a.out") == f"Killed a.out({new}) with signal 0\n"
    assert typed("killall -0 -v -y 0.1m -o 0.9s /bin/a.out") == f"Killed a.out({new}) with signal 0\n"
    name = "a_very_long_nam"
    typed(f"echo {name} > /proc/{new}/comm")
    assert typed(f"killall -0 -v {name}e_of_a_program") == f"Killed {name}({new}) with signal 0\n"
    assert typed(f"killall -0 -ve {name}e_of_a_program").splitlines() == [
        f"killall: skipping partial match {name}({new})", f"killall: {name}e_of_a_program: no process found",
    ]  # fmt: skip
    began = float(typed("cut -d' ' -f1 /proc/uptime"))
    typed(f"killall -w -9 {name}")
    assert typed("pgrep a_very") == "" and float(typed("cut -d' ' -f1 /proc/uptime")) - began < 2


def test_what_pkill_ends_is_gone() -> None:
    assert Typed()("run a.out; pkill -KILL -n a.out; pgrep -c nosuch; echo $?").endswith("0\n1\n")
