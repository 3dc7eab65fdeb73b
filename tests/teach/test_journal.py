"""The journal: what counts as a change, what is cut, what is saved, and the journal on disk."""

from __future__ import annotations

import io
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest

from memsh.cli import open_session, read_options, resumed
from memsh.inspect import check
from memsh.procfs import tree
from memsh.shell.errors import ShellError
from memsh.shell.io import OuterInput, TextInput
from memsh.shell.script import run_script
from memsh.shell.session import Session
from memsh.teach import journal, store
from memsh.teach.records import parsed, spelled
from tests.observing import calls, differing, session_seen
from tests.paths import REFERENCE

FILES = ("meminfo", "buddyinfo", "slabinfo", "zoneinfo", "vmstat", "vmallocinfo", "self/smaps", "self/status", "stat")


def session(*argv: str) -> tuple[Session, io.StringIO]:
    out = io.StringIO()
    return open_session(list(argv), out, out), out


def texts(made: Session) -> list[object]:
    shown: list[object] = [tree.show(made.box, f"/proc/{name}") for name in FILES]
    return [*shown, list(made.values), dict(made.variables), made.cwd, made.box.current.pid]


def changed(line: str, *before: str) -> bool:
    """Whether the journal holds the line to have changed the box."""
    made, _ = session()
    for one in before:
        made.run(one)
    count = sum(entry.changed for entry in made.timeline.entries) if made.timeline else 0
    made.run(line)
    return sum(entry.changed for entry in made.timeline.entries) > count


@pytest.mark.parametrize(
    "line",
    [
        "malloc 100", "c=malloc; $c 100", "echo 64 | xargs kmalloc", "poke $1 'a'", "free $1",
        "echo 70 > /proc/sys/vm/swappiness",
        "sysctl vm.swappiness=70", "echo 'kmalloc-64 60 30 8' > /proc/slabinfo", "kmem_cache create mine 100",
        "trace on", "echo hello > /tmp/f", "if true; then kmalloc 64; fi", "sudo kmalloc 64", "sleep 1", "plain on",
    ],
)  # fmt: skip
def test_what_changes_the_box(line: str) -> None:
    assert changed(line, "malloc 50")


@pytest.mark.parametrize(
    "line",
    [
        "cat /proc/slabinfo", "true malloc 5", "echo 'malloc 5; kmalloc 4'", "x=5", "explain -n kmalloc 64", "free -m",
        "malloc_usable_size $1", "cat /proc/meminfo > /dev/null", "compare 'kmalloc 64' 'vmalloc 64k'",
        "sysctl vm.swappiness",
        "malloc nonsense", "areas", "expect minflt of 'malloc 5' == 0", "snapshot a", "display heap", "history",
    ],
)  # fmt: skip
def test_what_leaves_it_alone(line: str) -> None:
    assert not changed(line, "malloc 50")


def test_commands_of_one_line_are_undone_one_by_one() -> None:
    made, out = session()
    made.run("malloc 1M; kmalloc 64; undo")
    assert out.getvalue().endswith('undone: 1 "kmalloc 64"\n')
    assert len(made.values) == 1


def test_a_line_cut_by_ctrl_c_is_replayed_to_where_it_came(tmp_path: Path) -> None:
    made, _ = session()
    made.run("x=0")
    cut_at = made.polls + 700
    made.stops[None] = cut_at
    assert made.run("while true; do malloc 3k; touch $ 1k; x=$((x+1)); done") == 130
    made.stops.clear()
    there = texts(made)
    assert int(made.variables["x"]) > 50
    made.run("kmalloc 64")
    made.run("undo")
    assert texts(made) == there
    made.run("undo; redo")
    assert texts(made) == there
    made.run(f"save {tmp_path}/s.memsh")
    other, _ = session()
    other.run((tmp_path / "s.memsh").read_text())
    assert texts(other) == there
    assert check.check(other.box) == []


def test_ctrl_c_does_not_cut_a_replay() -> None:
    made, _ = session()
    made.run("for i in 1 2 3; do malloc 5000; done")
    there = texts(made)
    made.run("kmalloc 64")
    made.interrupted = True
    timeline = made.timeline
    timeline.travel(1)
    made.interrupted = False
    assert texts(made) == there
    assert check.check(made.box) == []


def test_sourced_lines_are_undone_one_by_one_and_saved_without_the_file(tmp_path: Path) -> None:
    script = tmp_path / "two.memsh"
    script.write_text("malloc 1M  # one\nkmalloc 100\n")
    made, _ = session()
    made.run(f"source {script}; malloc 5")
    made.run(f"for i in 1 2; do source {script}; done")
    there = texts(made)
    made.run(f"save {tmp_path}/s.memsh")
    script.unlink()
    made.run("undo; redo")
    assert texts(made) == there
    other, _ = session()
    other.run((tmp_path / "s.memsh").read_text())
    assert texts(other) == there
    made.run("undo 3")
    assert [entry.line for entry in made.timeline.entries if entry.changed] == ["malloc 1M  # one"]


def test_unset_names_are_errors_in_a_saved_script_where_they_were(tmp_path: Path) -> None:
    made, _ = session()
    made.run("{ malloc 5; x=$nosuch; y=1; }")
    made.run(f"save {tmp_path}/s.memsh")
    other, _ = session()
    run_script(other, (tmp_path / "s.memsh").read_text() + "{ z=$nosuch; w=1; }\n", "s.memsh")
    assert dict(other.variables) == {**made.variables, "w": "1"}
    other.run("z=$nosuch")


def test_what_a_line_read_comes_again(tmp_path: Path) -> None:
    """Scripts of the host, with their words, by any name; standard input; the text before a pipe to the host."""
    script = tmp_path / "it's one.memsh"
    script.write_text("malloc $1\nx=$#\nreturn 3\nkmalloc 64\n")
    made, _ = session()
    made.stdin = OuterInput(TextInput("one\ntwo\nthree\nfour").readline, made)
    made.run(f'f="{script}"; source "$f" 300 b; . "{script}" 77; y=$?; (source "$f" 5 && malloc 6)')
    made.run('z="|! no"; malloc 5')
    made.run("read a; while read -n 2 b; do history > /h; read c; break; done; trap 'malloc 9' RETURN")
    made.run(f'source "{script}" 44; source "{script}"; trap - RETURN; read d')
    there = session_seen(made)
    assert [made.variables[name] for name in "abcdxyz"] == ["one", "tw", "o", "three", "0", "3", "|! no"]
    made.run(f"save {tmp_path}/s.memsh")
    script.write_text("malloc 1M\n")
    made.run("undo 4; redo 4")
    assert not differing(session_seen(made), there)
    other, _ = session()
    other.run((tmp_path / "s.memsh").read_text())
    assert not differing(session_seen(other), there)


@pytest.mark.parametrize("argv", [("--age", "30s", "--ram", "256M"), ("--cpus", "2", "--swap", "64M")])
def test_save_carries_the_machine(tmp_path: Path, argv: tuple[str, ...]) -> None:
    made, _ = session(*argv)
    made.run(f"malloc 1M; fork; save {tmp_path}/s.memsh")
    other, out = session()
    other.run((tmp_path / "s.memsh").read_text())
    assert texts(other) == texts(made), out.getvalue()


def test_save_carries_a_recorded_machine(tmp_path: Path) -> None:
    folder = next(path.parent for path in sorted(REFERENCE.rglob("freelists.txt")))
    made, _ = session("--from", str(folder))
    made.run(f"malloc 1M; alloc_pages 3; save {tmp_path}/s.memsh")
    assert f"--from {folder}" in (tmp_path / "s.memsh").read_text()
    other, out = session()
    other.run((tmp_path / "s.memsh").read_text())
    assert texts(other) == texts(made), out.getvalue()
    made.run("undo 2")
    assert made.timeline.entries == []


def test_undo_in_a_session_of_ten_thousand(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = count()
    clock = SimpleNamespace(perf_counter=lambda: next(ticks) * 0.5e-3)  # a line takes 0.5 ms, on every machine
    monkeypatch.setattr(journal, "time", clock)
    made, _ = session()
    made.at_prompt = True
    for number in range(10_000):
        made.run("malloc 100" if number % 3 else "kmalloc 64")
    for left in range(9_999, 9_995, -1):
        assert calls(lambda: made.run("undo")) < 100_000  # a checkpoint's lines, as far as it is; all of them: millions
        assert len(made.values) == left


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "memsh" / "sessions"


def kept(*lines: str) -> Session:
    """A session at a terminal that ran these lines and was killed."""
    made, _ = session("--ram", "512M")
    made.at_prompt = True
    store.keep_on_disk(made)
    for line in lines:
        made.run(line)
    made.timeline.store.close()
    return made


def test_a_killed_session_comes_back(home: Path) -> None:
    made = kept(
        "malloc 1M", "p=$(kmalloc 100)", "snapshot a", "cat /proc/meminfo", "fork; switch 54", "undo", "malloc 3k",
        "restore a", "malloc 77", "undo", "redo", "snapshot b", "reset --ram 256M", "malloc 5", "cd /tmp", "restore b",
        "sleep 3",
    )  # fmt: skip
    back = resumed(read_options(["--resume"]))
    assert texts(back) == texts(made)
    assert back.journal[0] == "malloc 1M"
    made.run("undo; undo; undo")
    back.run("undo; undo; undo")
    assert texts(back) == texts(made)
    back.run("restore a")
    made.run("restore a")
    assert texts(back) == texts(made)


def test_nothing_is_written_for_a_session_that_only_looks(home: Path) -> None:
    kept("cat /proc/meminfo", "areas")
    assert not home.exists()
    with pytest.raises(ShellError, match="no session is kept"):
        resumed(read_options(["--resume"]))


def test_a_resumed_session_goes_on_in_its_file(home: Path) -> None:
    kept("malloc 1M")
    back = resumed(read_options(["--resume"]))
    back.at_prompt = True
    store.keep_on_disk(back)
    back.run("malloc 2M")
    assert len(list(home.iterdir())) == 1
    with pytest.raises(ShellError, match="no session is kept"):  # the living one holds it
        store.read()
    back.timeline.store.close()
    again = resumed(read_options(["--resume", next(home.iterdir()).stem]))
    assert texts(again) == texts(back)


def test_a_broken_journal_gives_what_stands_before(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept("malloc 1M", "malloc 2M")
    path = next(home.iterdir())
    path.write_bytes(path.read_bytes()[:-20] + b"\xff garbage\n")
    back = resumed(read_options(["--resume"]))
    assert len(back.values) == 1
    told = capsys.readouterr().err.splitlines()
    assert sum(f"{path}:3: not a line of a journal" in line for line in told) == 1
    path.write_bytes(b"\0\1garbage")
    with pytest.raises(ShellError, match="1: not a journal of memsh"):
        resumed(read_options(["--resume"]))


def test_a_journal_of_another_version_is_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept("malloc 1M", "kmalloc 64")
    path = next(home.iterdir())
    text = path.read_text()
    path.write_text(text.replace('{"memsh": "', '{"memsh": "0.0.'))
    resumed(read_options(["--resume"]))
    assert "this session was kept by memsh 0.0." in capsys.readouterr().err
    head, *lines = text.splitlines()
    other = [parsed(line.encode(), 2) | ({"line": "kmalloc 65"} if "kmalloc" in line else {}) for line in lines]
    path.write_bytes(head.encode() + b"\n" + b"".join(map(spelled, other)))
    resumed(read_options(["--resume"]))
    assert "the box has not come out as it was" in capsys.readouterr().err


def test_the_file_of_a_memsh_to_come_is_refused(home: Path) -> None:
    kept("malloc 1M")
    path = next(home.iterdir())
    text = path.read_bytes()
    path.write_bytes(text.replace(b'"format": 2', b'"format": 3'))
    with pytest.raises(ShellError, match=r"format 3; this is .* knows 2"):
        resumed(read_options(["--resume"]))
    assert path.read_bytes() == text.replace(b'"format": 2', b'"format": 3')


def test_a_file_without_sums_is_read_and_goes_on_in_another(home: Path) -> None:
    home.mkdir(parents=True)
    old = home / "20200101-000000-1.jsonl"
    old.write_text('{"memsh": "0.1.0", "boot": {"--ram": "64M"}}\n{"n": 1, "line": "x=1", "changed": true}\n'
                   '{"n": 1000000000, "line": "x=2", "changed": true}\n')  # fmt: skip
    before = old.read_bytes()
    back = resumed(read_options(["--resume"]))
    assert back.variables["x"] == "1"
    back.at_prompt = True
    store.keep_on_disk(back)
    back.run("malloc 1M")
    back.timeline.store.close()
    assert old.read_bytes() == before
    assert len(list(home.iterdir())) == 2


@pytest.mark.parametrize("cut", [1, 9, 30])
def test_how_much_of_a_broken_end_is_dropped(home: Path, capsys: pytest.CaptureFixture[str], cut: int) -> None:
    kept("malloc 1M", "malloc 2M", "malloc 3M")
    path = next(home.iterdir())
    assert path.stat().st_mode & 0o777 == 0o600
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], lines[2].replace(b"2M", b"7M"), lines[3][:-cut]]))
    back = resumed(read_options(["--resume"]))
    assert len(back.values) == 1
    size = len(lines[2]) + len(lines[3]) - cut
    assert f"{path}:3: not a line of a journal: 2 lines ({size} bytes) dropped" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    made, out = session()
    made.at_prompt = True
    store.keep_on_disk(made)
    made.run("malloc 1M")
    made.run("malloc 1M")
    assert out.getvalue().count("the journal is not kept on disk") == 1
    assert len(made.values) == 2


def test_old_journals_go(home: Path) -> None:
    home.mkdir(parents=True)
    for number in range(store.KEPT + 5):
        (home / f"20200101-000000-{number}.jsonl").write_text("{}\n")
    kept("malloc 1M")
    assert len(list(home.iterdir())) == store.KEPT


def test_resume_brings_its_own_machine(home: Path) -> None:
    kept("malloc 1M")
    with pytest.raises(ShellError, match="leave out --ram"):
        resumed(read_options(["--resume", "--ram", "1G"]))
    with pytest.raises(ShellError, match="there is no session 20200101-000000-1"):
        resumed(read_options(["--resume", "20200101-000000-1"]))
