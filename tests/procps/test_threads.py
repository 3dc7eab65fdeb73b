"""ps: threads, columns of other systems, AIX formats, repeated headings, personalities, as procps-ng 4.0.2 has them."""

import pytest

from memsh.procps import ps
from memsh.procps.reader import FolderReader, finish
from tests.paths import REFERENCE

TREE = FolderReader(REFERENCE / "captures" / "256M-1cpu" / "s2")


def lines(*argv: str, personality: str = "") -> list[str]:
    """What ps prints for init, line by line."""
    made = finish(ps.frames(TREE, list(argv), 80, {"PS_PERSONALITY": personality}))
    return (made.stdout or made.stderr).splitlines()


@pytest.mark.parametrize(
    ("argv", "heading"),
    [
        (["-L", "-p", "1"], "  PID   LWP TTY          TIME CMD"),
        (["-T", "-p", "1"], "  PID  SPID TTY          TIME CMD"),
        (["-Lf", "-p", "1"], "UID        PID  PPID   LWP  C NLWP STIME TTY          TIME CMD"),
        (["-M", "-p", "1"], "LABEL                             PID TTY          TIME CMD"),
        (["Z", "p", "1"], "LABEL                             PID TTY      STAT   TIME COMMAND"),
        (["-o", "%p %c", "-p", "1"], "  PID COMMAND        "),
        (["-o", "rbytes,luid,ag_id,ag_nice,cuu,lxc", "-p", "1"], "RBYTES LUID  AGID AGNI   %CUU LXC"),
    ],
)
def test_headings(argv: list[str], heading: str) -> None:
    assert lines(*argv)[0] == heading


def test_both_process_and_threads() -> None:
    first, process, thread = lines("-m", "-p", "1")[:3]
    assert first.split() == ["PID", "TTY", "TIME", "CMD"]
    assert process.split()[0] == "1"
    assert thread.split()[:2] == ["-", "-"] and thread.split()[-1] == "-"


def test_the_heading_comes_again() -> None:
    shown = lines("-e", "--headers", "--rows", "2")
    assert shown[0] == shown[2] == shown[4] != shown[1]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["-o", "%p %G{"], "error: improper AIX field descriptor"),
        (["-o", "%p %%a"], "error: missing AIX field descriptor"),
        (["-o", "%p %Z"], "error: unknown AIX field descriptor"),
        (["-L", "-T"], "error: thread flags conflict; can't use both -L and -T"),
        (["-eLH"], "error: thread display conflicts with forest display"),
    ],
)
def test_what_does_not_go_together(argv: list[str], said: str) -> None:
    assert lines(*argv)[0] == said


@pytest.mark.parametrize(
    ("personality", "heading"),
    [
        ("bsd", "  PID TTY      STAT   TIME COMMAND"),
        ("old", "  PID TTY      STAT   TIME COMMAND"),
        ("linux", "  PID TTY          TIME CMD"),
        ("nonsense", "error: environment specified an unknown personality"),
    ],
)
def test_personalities(personality: str, heading: str) -> None:
    assert lines(personality=personality)[0] == heading


def test_sorting_is_by_the_figure_itself() -> None:
    rss = [int(line) for line in lines("-e", "-o", "rss=", "--sort=-%mem")]
    assert rss == sorted(rss, reverse=True) and len(set(rss)) > 2
