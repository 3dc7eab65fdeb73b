"""--step: a key before each command of a script; explain --step: one event a key with the free lists beside it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pexpect
import pyte

from memsh.teach.recorder import Picture
from memsh.ui.stepping import changed_zone, frame, panel
from tests.ui.test_terminal import ROOT, Terminal


class Box(Terminal):
    """A terminal with memsh and a kernel in it."""

    def __init__(self, home: Path, *words: str, columns: int = 80, rows: int = 24) -> None:
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        env: Any = {"HOME": str(home), "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        arguments = ["-m", "memsh", "--no-rc", *words]
        self.child = pexpect.spawn(sys.executable, arguments, dimensions=(rows, columns), env=env, cwd=str(home))


def test_a_script_waits_for_a_key_before_each_command(tmp_path: Path) -> None:
    (tmp_path / "demo.memsh").write_text("# A demo.\necho one\nnote two\necho three\n")
    box = Box(tmp_path, "--step", "demo.memsh")
    box.see("memsh> echo one\n[any key: go on, q: stop]")
    assert "\none" not in box.text
    box.type("x")
    box.see("\none\nmemsh> note two\n[any key")
    box.type(" ")
    box.see("── two\nmemsh> echo three\n[any key")
    box.type("q")
    assert box.ended() == 0
    assert "\nthree" not in box.text


def test_pause_waits_for_enter(tmp_path: Path) -> None:
    (tmp_path / "demo.memsh").write_text("pause Look\necho done\n")
    box = Box(tmp_path, "demo.memsh")
    box.see("Look [Enter]")
    assert "done" not in box.text
    box.type("\r")
    box.see("done")
    assert box.ended() == 0


def test_explain_step_shows_one_event_a_key(tmp_path: Path) -> None:
    for columns in (80, 60):
        box = Box(tmp_path, columns=columns, rows=24)
        box.enter("explain --step alloc_pages 7")
        box.see(" event 1/")
        box.see("zone Normal")
        box.type(" ")
        box.see(" event 2/")
        box.type("b")
        box.see(" event 1/")
        box.type("g")
        box.until(lambda box=box: ">   7 " in box.text or ">   8 " in box.text or "mm_page_alloc" in box.text)
        box.type(" ")
        box.see("changed:")
        box.enter("echo $1")
        box.see("0x")
        assert box.leave() == 0


def test_the_picture_marks_what_moved() -> None:
    one = Picture((("DMA", (1, 2), 0), ("Normal", (3, 4), 5)), "a.out: RSS 4 kB, minflt 1 majflt 0")
    two = Picture((("DMA", (1, 2), 0), ("Normal", (5, 3), 5)), "a.out: RSS 8 kB, minflt 1 majflt 0")
    assert panel(one, two, 1) == ["zone Normal", " order  blocks", ">   0        5", ">   1        3",
                                  " this CPU's list 5", "", "a.out", ">RSS 8 kB", " minflt 1 majflt 0"]  # fmt: skip
    assert changed_zone(one, two, 0) == 1 and changed_zone(one, one, 0) == 0
    story = [(["f() {"], one), (["  # a sentence that is long enough to need two rows of the left half"], two)]
    rows = frame(story, 1, 60, 20, False)
    assert rows[0].startswith("f() {") and rows[0].endswith("│zone Normal") and max(map(len, rows)) <= 60
    assert all("│" not in row for row in frame(story, 0, 50, 20, False))


def story_of(line: str) -> list[tuple[list[str], Picture]]:
    """What `explain --step` would show of a line."""
    import io

    from memsh.cli import open_session

    shown: list[list[tuple[list[str], Picture]]] = []
    session = open_session(["--ram", "1G"], io.StringIO(), io.StringIO())
    session.run("p=$(mmap 64k rw)")
    session.is_tty = session.at_prompt = True
    session.stepper = lambda _session, story: shown.append(story)
    session.run(f"explain --step {line}")
    return shown[0]


def test_the_picture_is_the_one_that_the_event_is_about() -> None:
    slab = [now.subject for _, now in story_of("kmalloc 64") if now.subject]
    assert slab and slab[-1][0] == "cache kmalloc-64" and set(slab[-1][3]) <= set("■○·")
    tables = [now.subject for _, now in story_of("touch $p") if now.subject]
    assert any(one[0].startswith("fault at 0xb7fea000") for one in tables) and all(len(one) >= 4 for one in tables)
    assert any("no page there yet" in one for one in tables)
    zones = [now.zone for _, now in story_of("alloc_page GFP_HIGHUSER") if now.zone]
    assert zones[-1] == "HighMem"
    rows = frame(story_of("alloc_page GFP_HIGHUSER"), len(zones), 80, 23, False)
    assert any("zone HighMem" in row for row in rows)


def test_half_a_screen_has_no_room_for_file_names() -> None:
    for columns in (80, 60):
        story = story_of("kmalloc 64")
        rows = frame(story, len(story) - 1, columns, 23, False)
        assert not any("/*" in row or "mm/" in row for row in rows) and max(map(len, rows)) <= columns
        assert any("* kmalloc: call_site" in row for row in rows)
