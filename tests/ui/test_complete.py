"""What Tab offers, without a terminal."""

from typing import Any

import pytest

from memsh.procps.reader import FolderReader
from memsh.shell import arg, command, opt, rest
from memsh.shell.io import Input
from memsh.shell.registry import Args, Registry
from memsh.shell.session import Session
from memsh.ui.complete import complete
from memsh.ui.words import pieces, roles, stage_at_end
from tests.paths import REFERENCE

SOME = Registry()


@command(arg("size", words="size"), opt("-v", "--verbose", help="say more"), topic="memory", registry=SOME)
def malloc(box: Any, args: Args, io: Any) -> None:
    """allocate memory

    malloc 100
    """


@command(arg("cache", words="cache"), name="slab", registry=SOME)
def slab(box: Any, args: Args, io: Any) -> None:
    """show a cache

    slab dentry
    """


@command(arg("cache", words="cache"), name="kmem_cache alloc", registry=SOME)
def kmem_cache_alloc(box: Any, args: Args, io: Any) -> None:
    """take an object

    kmem_cache alloc dentry
    """


@command(arg("pid", words="pid"), rest("words", raw=True, words="command"), name="as", registry=SOME)
def as_(box: Any, args: Args, io: Any) -> None:
    """run a command as another process

    as 1 malloc 10
    """


@command(rest("paths", words="path"), registry=SOME)
def cat(box: Any, args: Args, io: Any) -> None:
    """print files

    cat /proc/meminfo
    """


@command(rest("words", raw=True), registry=SOME)
def free(box: Any, args: Args, io: Any) -> None:
    """memory in use

    free -h
    """


@command(arg("switch", choices=("on", "off"), help="the textbook box"), registry=SOME)
def plain(box: Any, args: Args, io: Any) -> None:
    """no per-CPU lists

    plain on
    """


@pytest.fixture
def session() -> Session:
    made = Session(registry=SOME, stdin=Input())
    made.reader = FolderReader(REFERENCE / "captures" / "256M-1cpu" / "s2")
    made.cwd = "/proc"
    return made


def texts(session: Session, line: str) -> list[str]:
    return [candidate.text for candidate in complete(session, line)]


def test_commands_come_with_their_summary(session: Session) -> None:
    (found,) = complete(session, "ma")
    assert found == ("malloc", 0, "allocate memory")
    assert texts(session, "x=$(mal") == ["malloc"]
    assert texts(session, "cat a | sl") == ["slab"]
    assert texts(session, "if mal") == texts(session, "a=3 mal") == ["malloc"]
    assert texts(session, "# mal") == []


def test_groups_offer_their_members(session: Session) -> None:
    assert complete(session, "kmem_cache ") == [("alloc", 11, "take an object")]
    assert texts(session, "kmem_cache alloc den") == ["dentry"]


def test_options_come_from_the_declaration(session: Session) -> None:
    assert complete(session, "malloc --v") == [("--verbose", 7, "say more")]
    assert texts(session, "malloc -") == ["-v", "--verbose"]


def test_options_of_a_tool_come_from_its_help(session: Session) -> None:
    found = {candidate.text: candidate.meta for candidate in complete(session, "free -")}
    assert found["-h"] == found["--human"] == "show human-readable output"
    assert found["--tebi"] == "show output in tebibytes"


def test_cache_names(session: Session) -> None:
    (found,) = complete(session, "slab mm_st")
    assert (found.text, found.start) == ("mm_struct", 5)
    assert found.meta == "14 of 14 objects in use, 544 bytes each"


def test_pids_with_names(session: Session) -> None:
    assert [(c.text, c.meta) for c in complete(session, "as 6")] == [("66", "busy"), ("67", "busy"), ("68", "sleep")]


def test_names_in_braces(session: Session) -> None:
    session.variables["place"] = "4096"
    assert texts(session, "echo ${pl") == ["${place}"]
    assert texts(session, "echo $pl") == ["$place"]


def test_a_command_that_runs_another(session: Session) -> None:
    assert "66" in texts(session, "as ") and "malloc" not in texts(session, "as ")
    assert texts(session, "as 1 mal") == ["malloc"]
    assert texts(session, "as 1 slab dent") == ["dentry"]


def test_paths(session: Session) -> None:
    assert texts(session, "cat /proc/memi") == ["/proc/memi" + "nfo"]
    assert texts(session, "cat /proc/66/sm") == ["/proc/66/smaps", "/proc/66/smaps_rollup"]
    assert texts(session, "cat sys/k") == ["sys/kernel/"]
    assert texts(session, "cat 66/comm > 66/com") == ["66/comm"]


def test_values(session: Session) -> None:
    session.remember(0x1000)
    session.remember(7, dec=True)
    session.variables["here"] = "0x8048000"
    assert [(c.text, c.meta) for c in complete(session, "malloc $")] == [
        ("$", "the last value, 7"),
        ("$2", "7"),
        ("$1", "0x1000"),
        ("$here", "0x8048000"),
        ("$?", "the last status"),
    ]
    assert texts(session, "malloc $h") == ["$here"]


def test_choices(session: Session) -> None:
    assert complete(session, "plain o") == [("on", 6, "the textbook box"), ("off", 6, "the textbook box")]


@pytest.mark.parametrize(
    "text",
    ["echo 'a b' | wc -l # end", "x=$(malloc 3) && cat <in >>out", "a\\\nb", 'say "open', "$((1+2)) ;; 'x", "é¬\x00&|"],
)
def test_pieces_lose_nothing(text: str) -> None:
    assert "".join(piece.text for piece in pieces(text)) == text


def test_roles_show_what_is_unknown(session: Session) -> None:
    found = [(role, piece.text) for role, piece in roles(SOME, "malloc 3k | nosuch -v '/x' $1 # c") if role != "space"]
    assert found == [
        ("command", "malloc"),
        ("number", "3k"),
        ("operator", "|"),
        ("unknown", "nosuch"),
        ("option", "-v"),
        ("string", "'/x'"),
        ("value", "$1"),
        ("comment", "# c"),
    ]


def test_the_stage_being_typed() -> None:
    assert stage_at_end("a b | c d") == (["c"], "d", 8, False)
    assert stage_at_end("a >") == (["a"], "", 3, True)
    assert stage_at_end("") == ([], "", 0, False)
