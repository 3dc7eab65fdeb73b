"""record: an asciinema cast of the session."""

from __future__ import annotations

import io
import json
import resource
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from memsh.cli import open_session
from memsh.shell.session import Session
from memsh.teach.cast import Cast, CastFile, whole_screen


def session() -> tuple[Session, io.StringIO]:
    out = io.StringIO()
    return open_session([], out, out), out


def events(path: Path) -> tuple[dict[str, Any], list[list[Any]]]:
    header, *lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return header, lines


def test_a_cast_of_a_script(tmp_path: Path) -> None:
    made, out = session()
    path = tmp_path / "a.cast"
    text = f"record {path}\nmalloc 100\nplain on\nnonsense\nfor i in 1 2\ndo echo $i; done\npause Now\n"
    text += "record stop\necho no\n"
    made.run(text)
    header, lines = events(path)
    assert (header["version"], header["width"], header["height"]) == (2, 80, 24)
    assert all(kind == "o" and isinstance(text, str) for _, kind, text in lines)
    times = [at for at, _, _ in lines]
    assert times == sorted(times) and times[-1] > 5
    shown = "".join(text for _, _, text in lines)
    assert shown.startswith("memsh> malloc 100\r\n$1 = 0x8153e10  minflt 0 majflt 0\r\nmemsh> plain on\r\n")
    assert "memsh(plain)> nonsense\r\nnonsense: command not found" in shown
    assert "memsh(plain)> for i in 1 2\r\n> do echo $i; done\r\n1\r\n2\r\n" in shown and "echo no" not in shown
    assert "\n" not in shown.replace("\r\n", "") and f"{path}: {len(lines)} events" in out.getvalue()
    again, _ = session()
    other = tmp_path / "b.cast"
    again.run(text.replace("a.cast", "b.cast"))
    assert other.read_bytes() == path.read_bytes()


def test_it_is_whole_after_each_command(tmp_path: Path) -> None:
    made, _ = session()
    made.run(f"record {tmp_path}/a.cast\necho one")
    assert "".join(text for _, _, text in events(tmp_path / "a.cast")[1]) == "memsh> echo one\r\none\r\n"
    made.run("malloc 100\nundo\nrecord\nrecord stop")
    assert made.recording is None


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("record @there", "record: File exists\n"), ("record -f @link", "record: Too many levels of symbolic links\n"),
        ("record @none/x", "record: No such file or directory\n"), ("record -f @", "record: Is a directory\n"),
        ("record stop", "record: nothing is being recorded: record FILE.cast begins\n"),
        ("record @new; record @other", "record: @new is being recorded: record stop ends it\n"),
        ("record -f @pipe", "record: "),
    ],
)  # fmt: skip
def test_what_it_refuses(tmp_path: Path, line: str, said: str) -> None:
    import os

    (tmp_path / "there").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "there")
    os.mkfifo(tmp_path / "pipe")
    made, out = session()
    assert made.run(line.replace("@", f"{tmp_path}/")) == 1
    assert out.getvalue().startswith(said.replace("@", f"{tmp_path}/")) and out.getvalue().count("\n") == 1
    assert (tmp_path / "there").read_text() == "mine"
    made.run("record stop")
    made.run(f"record -f {tmp_path}/there; record stop")
    assert (tmp_path / "there").read_text() == "mine"  # memsh did not write that
    made.run(f"record {tmp_path}/new; record stop; record -f {tmp_path}/new; record stop")
    assert (tmp_path / "new").read_text().startswith('{"version": 2')


def test_a_lesson_may_not(tmp_path: Path) -> None:
    made, out = session()
    made.no_host = True
    assert made.run(f"record {tmp_path}/x; save {tmp_path}/x; source {tmp_path}/x; reset --from /etc") == 1
    assert out.getvalue().count("host, which this session may not\n") == 4 and not list(tmp_path.iterdir())


def test_asciinema_plays_it(tmp_path: Path) -> None:
    path = tmp_path / "a.cast"
    made, _ = session()
    made.run(f"record {path} --idle-limit 0.5")
    made.run("order 100k")
    made.run("record stop")
    assert json.loads(path.read_text().split("\n")[0])["idle_time_limit"] == 0.5
    program = [sys.executable, "-m", "asciinema", "cat", str(path)]
    home = {"HOME": str(tmp_path), "LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"}
    shown = subprocess.run(program, capture_output=True, text=True, check=True, env=home)
    assert shown.stdout.replace("\r", "").startswith("memsh> order 100k\n$1 = 5  2^5 = 32 pages")
    assert made.run("record x.cast --idle-limit 0") == 2 == made.run("record x.cast --idle-limit many")


def test_at_a_terminal_what_is_typed_has_human_speed(tmp_path: Path) -> None:
    cast = Cast(CastFile(str(tmp_path / "x"), False), "x", 80, 24, live=True)
    cast.type("memsh> ", "echo")
    cast.close()
    times = [json.loads(line)[0] for line in (tmp_path / "x").read_text().split("\n")[1:-1]]
    assert all(0.035 < later - before < 0.2 for before, later in pairwise(times))


def test_a_lesson_is_in_the_film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    made, _ = session()
    path = tmp_path / "a.cast"
    made.run(f"record {path}")
    with whole_screen(made):
        sys.stdout.write("a lesson's screen")
    sys.stdout.write("not this")
    made.run("record stop")
    assert "a lesson's screen" in path.read_text() and "not this" not in path.read_text()


def full(size: int) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.parametrize("name", ["old.cast", "new.cast", "old.svg", "new.svg"])
def test_a_full_disk_leaves_what_was_there(tmp_path: Path, name: str) -> None:
    old = {"old.cast": '{"version": 2, "width": 80, "height": 24}\n', "old.svg": "<svg xmlns='x'/>"}
    for kept, text in old.items():
        (tmp_path / kept).write_text(text)
    script = f"record {tmp_path}/{name} -f; cat /proc/meminfo; record stop; echo status $?; echo alive"
    answer = subprocess.run(
        [sys.executable, "-m", "memsh", "--ram", "64M", "-c", script], capture_output=True, text=True, check=False,
        timeout=60, preexec_fn=lambda: full(100),
    )  # fmt: skip
    assert answer.stdout.endswith("status 1\nalive\n") and "File too large" in answer.stderr
    assert "bug" not in answer.stderr
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == old


def test_the_end_of_the_session_ends_the_recording(tmp_path: Path) -> None:
    for name in ("a.cast", "a.svg"):
        for text in ("first", "second"):
            line = f"record {tmp_path}/{name} -f; echo {text}"
            subprocess.run([sys.executable, "-m", "memsh", "--ram", "64M", "-c", line], check=True, timeout=60)
        assert "second" in (tmp_path / name).read_text() and "first" not in (tmp_path / name).read_text()
    assert len(list(tmp_path.iterdir())) == 2
