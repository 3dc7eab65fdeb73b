"""What the tools say about wrong arguments, and the options that no recorded screen shows."""

from collections.abc import Callable
from pathlib import Path

import pytest

from memsh.procps import free, pgrep, pmap, ps, slabtop, top, uptime, vmstat
from memsh.procps.reader import FolderReader, Result
from tests.paths import REFERENCE

MACHINE = REFERENCE / "captures" / "256M-1cpu"
HEAD = "               total        used        free      shared  buff/cache   available\n"


@pytest.fixture
def tree() -> FolderReader:
    return FolderReader(MACHINE / "s2")


def test_units_of_free(tree: FolderReader) -> None:
    assert free.run(tree, ["-m"]).stdout == (
        f"{HEAD}Mem:             243          28         206           6          22         215\n"
        "Swap:             95           0          95\n"
    )
    assert free.run(tree, ["-b"]).stdout.splitlines()[2] == "Swap:      100659200           0   100659200"
    assert free.run(tree, ["--mega"]).stdout.splitlines()[2] == "Swap:            100           0         100"
    assert free.run(tree, ["-h", "--si"]).stdout.splitlines()[2] == "Swap:           100M          0B        100M"


def test_free_repeats(tree: FolderReader) -> None:
    once = free.run(tree, []).stdout
    assert free.run(tree, ["-c", "3", "-s", "0.5"]).stdout == "\n".join([once] * 3)


def test_committed_beyond_the_limit_is_negative() -> None:
    assert free.scale_size((10 - 30) & 0xFFFFFFFF, free.Settings()) == "-20"


@pytest.mark.parametrize(
    ("run", "argv", "message", "status"),
    [
        (ps.run, ["aux", "extra"], "error: TTY could not be found\n\nUsage:\n", 1),
        (ps.run, ["-t", "foo"], "error: TTY could not be found\n\nUsage:\n", 1),
        (ps.run, ["a", "1", "x"], "error: process ID list syntax error\n\nUsage:\n", 1),
        (ps.run, ["-f", "u"], "error: conflicting format options\n\nUsage:\n", 1),
        (ps.run, ["-V", "x"], "error: the option is exclusive: -V\n\nUsage:\n", 1),
        (ps.run, ["-s", "x"], "error: process ID list syntax error\n\nUsage:\n", 1),
        (ps.run, ["--forest=x"], "error: option --forest does not take an argument\n\nUsage:\n", 1),
        (ps.run, ["--noheaders:"], "error: option --no-heading does not take an argument\n\nUsage:\n", 1),
        (free.run, ["-z"], "free: invalid option -- 'z'\n\nUsage:\n free [options]\n", 1),
        (free.run, ["--foo"], "free: unrecognized option '--foo'\n\nUsage:\n", 1),
        (free.run, ["--me"], "free: option '--me' is ambiguous; possibilities: '--mega' '--mebi'\n", 1),
        (free.run, ["-m", "-g"], "free: Multiple unit options don't make sense.\n", 1),
        (free.run, ["-c", "0"], "free: failed to parse count argument: '0': Numerical result out of range\n", 1),
        (free.run, ["-c", "x"], "free: failed to parse count argument: 'x'\n", 1),
        (free.run, ["-s", "x"], "free: seconds argument failed: 'x': Invalid argument\n", 1),
        (free.run, ["-s"], "free: option requires an argument -- 's'\n\nUsage:\n", 1),
        (free.run, ["7"], "\nUsage:\n free [options]\n", 1),
        (vmstat.run, ["x"], "vmstat: failed to parse argument: 'x'\n", 1),
        (vmstat.run, ["0"], "vmstat: delay must be positive integer\n", 1),
        (vmstat.run, ["-S", "x"], "vmstat: -S requires k, K, m or M (default is KiB)\n", 1),
        (vmstat.run, ["-m", "-d"], "\nUsage:\n vmstat [options] [delay [count]]\n", 1),
        (slabtop.run, ["-d", "x"], "slabtop: illegal delay: 'x'\n", 1),
        (slabtop.run, ["-o", "-d", "2"], "slabtop: Cannot combine -d and -o options\n", 1),
        (pmap.run, ["x"], "\nUsage:\n pmap [options] PID [PID ...]\n", 1),
        (pmap.run, ["-x", "-d", "1"], "pmap: options -c, -C, -d, -n, -N, -x, -X are mutually exclusive\n", 1),
        (ps.run, ["-z"], "error: unsupported SysV option\n\nUsage:\n ps [options]\n", 1),
        (ps.run, ["-o", "zz"], 'error: unknown user-defined format specifier "zz"\n', 1),
        (ps.run, ["-p", "x"], "error: process ID list syntax error\n", 1),
        (top.run, ["-b", "-n", "x"], "top: bad iterations argument 'x'\n", 1),
        (uptime.run, ["x"], "\nUsage:\n uptime [options]\n", 1),
        (pgrep.run, [], "pgrep: no matching criteria specified\nTry `pgrep --help' for more information.\n", 2),
    ],
)
def test_wrong_arguments(
    tree: FolderReader, run: Callable[[FolderReader, list[str]], Result], argv: list[str], message: str, status: int
) -> None:
    result = run(tree, argv)
    assert result.stderr.startswith(message)
    assert (result.stdout, result.status) == ("", status)


def test_a_process_that_is_not_there(tree: FolderReader) -> None:
    assert pmap.run(tree, ["9999"]) == Result("", "", 42)
    assert ps.run(tree, ["-p", "9999"]).status == 1
    assert pgrep.run(tree, ["nobody"]) == Result("", "", 1)


def test_what_happens_without_the_file(tmp_path: Path) -> None:
    empty = FolderReader(tmp_path)
    assert free.run(empty, []).stderr == "free: Memory information file /proc/meminfo does not exist\n"
    assert vmstat.run(empty, []).stderr == "vmstat: Unable to create vmstat structure\n"
    assert (
        slabtop.run(empty, ["-o"]).stderr == "slabtop: Unable to create slabinfo structure: No such file or directory\n"
    )


def test_an_empty_slabinfo(tmp_path: Path) -> None:
    (tmp_path / "slabinfo").write_text("slabinfo - version: 2.1\n# name\n")
    out = slabtop.run(FolderReader(tmp_path), ["-o"]).stdout
    assert out.count("0 / 0 (-nan%)") == 3
    assert "2097152.00K / 0.00K / 0.00K" in out


def test_full_listing(tree: FolderReader) -> None:
    rows = ps.run(tree, ["-ef"]).stdout.splitlines()
    assert rows[0] == "UID        PID  PPID  C STIME TTY          TIME CMD"
    assert rows[2] == "root         2     0  0 08:14 ?        00:00:00 [kthreadd]"
    tree_rows = ps.run(tree, ["axf", "-o", "pid,args"]).stdout.splitlines()
    assert tree_rows[2:6] == [
        "    3  \\_ [rcu_gp]",
        "    1 /bin/busybox sh /init",
        "   66 /mnt/busy h 2048",
        "   70  \\_ /mnt/busy h 2048",
    ]
    assert ps.run(tree, ["-eo", "pid=", "--sort", "-rss"]).stdout.split()[:2] == ["225", "66"]


def test_links_that_lead_out_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("outside")
    inside = tmp_path / "proc"
    inside.mkdir()
    (inside / "meminfo").symlink_to(tmp_path / "secret")
    reader = FolderReader(inside)
    for path in ("/proc/meminfo", "/proc/../secret"):
        with pytest.raises(FileNotFoundError):
            reader.read(path)


def test_a_format_of_ones_own(tree: FolderReader) -> None:
    """$PS_FORMAT stands in for the default, but for no format that is asked for; a wrong one is told of."""

    def first(form: str, *argv: str) -> str:
        return ps.finish(ps.frames(tree, [*argv, "-p", "1"], 80, {"PS_FORMAT": form})).stdout.partition("\n")[0]

    assert [first("pid:9,comm=X"), first("pid comm", "-L"), first("pid,comm", "-j")] == [
        "      PID X", "  PID COMMAND", "  PID  PGID   SID TTY          TIME CMD",
    ]  # fmt: skip
    wrong = ps.finish(ps.frames(tree, ["-p", "1"], 80, {"PS_FORMAT": "pid,foo"}))
    assert wrong.stderr == 'warning: $PS_FORMAT ignored. (unknown user-defined format specifier "foo")\n'
    assert wrong.stdout.startswith("  PID TTY") and not wrong.status


def test_pid_files_groups_and_namespaces(tree: FolderReader) -> None:
    def found(*argv: str, text: str = "1 2\n") -> tuple[str, int]:
        result = pgrep.finish(pgrep.frames(tree, list(argv), opened=lambda name: text))
        return (result.stdout or result.stderr.partition("\n")[0]), result.status

    assert found("-lF", "/tmp/pid") == ("1 init\n", 0)
    assert found("-F", "/tmp/pid", text="none") == found("-LF", "/tmp/pid") == ("pgrep: pidfile not valid", 1)
    assert found("-L", "init") == ("pgrep: -L without -F makes no sense", 2)
    assert found("--ns", "1", "^init") == ("1\n", 0)
    assert found("--ns", "12345", "^init") == ("Error reading reference namespace information", 3)
    assert found("--cgroup", "/", "init") == ("", 1)  # a kernel without cgroups
