"""fields: every figure of the files that it knows is in a row, and has a meaning."""

import io
import re

import pytest

from memsh.cli import open_session
from memsh.commands.meanings.rows import PROCESS, SYSTEM, TOOLS, Row, chosen, table
from memsh.commands.meanings.vmstat import VMSTAT
from memsh.shell.session import Session
from tests.paths import REFERENCE

CAPTURES = sorted(path for path in (REFERENCE / "captures").glob("*/*") if (path / "slabinfo").is_file())


def shell(*argv: str) -> tuple[Session, io.StringIO]:
    out = io.StringIO()
    return open_session(["--ram", "128M", *argv], out, out), out


def complete(text: str, rows: list[Row], heading: int) -> None:
    """Each number behind the heading stands in a figure, and each figure says what it means."""
    for row in rows:
        for figure in row.figures:
            assert figure.meaning, figure
    shown = " ".join(f"{figure.name} {figure.value}" for row in rows for figure in row.figures)
    told = sorted(re.findall(r"(?<![\w.])\d[\w.]*", shown))
    for number in re.findall(r"(?<![\w.])\d[\w.]*", "\n".join(text.splitlines()[heading:])):
        assert number in told, number


@pytest.mark.parametrize("name", [*SYSTEM, *(f"self/{name}" for name in PROCESS)])
def test_every_figure_of_this_box_has_a_meaning(name: str) -> None:
    session, out = shell()
    session.run(f"malloc 300k; mmap 4k rw shared; cat /proc/{name} > /dev/null; cat /proc/{name}")
    text = out.getvalue().partition("majflt 0\n")[2].partition("majflt 0\n")[2]
    leaf = name.rpartition("/")[2]
    rows = (PROCESS if "/" in name else SYSTEM)[leaf](text)
    complete(text, rows, {"slabinfo": 2, "swaps": 1}.get(name, 0))
    assert rows or name == "swaps"


@pytest.mark.parametrize("folder", CAPTURES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_every_figure_of_the_recordings_has_a_meaning(folder) -> None:  # type: ignore[no-untyped-def]
    for name, reader in SYSTEM.items():
        if (folder / name).is_file():
            text = (folder / name).read_text()
            complete(text, reader(text), {"slabinfo": 2, "swaps": 1}.get(name, 0))
    for path in sorted(folder.glob("[0-9]*"))[:12]:
        for name, reader in PROCESS.items():
            text = (path / name).read_text() if (path / name).is_file() else ""
            if text:
                complete(text, reader(text), 0)


@pytest.mark.parametrize("tool", TOOLS)
def test_every_column_of_the_tools_has_a_meaning(tool: str) -> None:
    line, reader = TOOLS[tool]
    session, out = shell()
    session.run(f"{line} {session.box.current.pid if tool == 'pmap' else ''}")
    rows = reader(out.getvalue())
    assert rows
    assert all(figure.meaning for row in rows for figure in row.figures)


def test_the_names_of_vmstat_are_the_kernels() -> None:
    assert list(table(VMSTAT)) == (REFERENCE / "vmstat-names.txt").read_text().split()


def test_rows_are_chosen_by_name_words_and_number() -> None:
    rows = [Row(("DMA", "Movable"), []), Row(("Normal", "Movable"), []), Row(("Normal", "Unmovable"), [])]
    assert chosen(rows, "", False) == rows[:1]
    assert chosen(rows, "", True) == rows
    assert chosen(rows, "normal movable", False) == [rows[1]]
    assert chosen(rows, "3", False) == [rows[2]]


@pytest.mark.parametrize("width", [20, 40, 60, 80])
def test_it_fits(width: int) -> None:
    session, out = shell("--width", str(width))
    session.run("fields slabinfo kmalloc-64; fields meminfo; fields smaps '[heap]'; fields vmstat; fields free")
    longest = max(out.getvalue().splitlines(), key=len)
    assert len(longest) <= max(width, 36), longest


def test_what_is_not_there() -> None:
    session, out = shell()
    session.run("fields slabinfo kmaloc-64; fields nothing; fields 99999/maps; fields swaps")
    assert out.getvalue().splitlines()[0].startswith("fields: there is no row 'kmaloc-64' (did you mean kmalloc-64?)")
    assert "fields: no figures of 'nothing' are known here" in out.getvalue()
    assert "fields: No such file or directory" in out.getvalue()
    assert out.getvalue().endswith("/proc/swaps has no rows now, only its heading\n")
