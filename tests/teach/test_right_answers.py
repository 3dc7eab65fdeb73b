"""Every question of every lesson, answered once right and once wrong by somebody who knows; no step breaks a word."""

from __future__ import annotations

from io import StringIO

import pytest

from memsh.cli import open_session
from memsh.shell.errors import ShellError
from memsh.teach.lessonfile import QUESTION, load, names, read_lesson
from memsh.teach.playing import Playing
from memsh.teach.questions import Truth, right
from tests.ui.fitting import step_fits

ANSWERS = {  # written by hand, in the words that people use: (right, wrong)
    "article": [("4", "1"), ("HighMem", "Normal"), ("1eddf80", "0xc1eddf80"), ("1", "2"), ("0", "1"), ("1", "2"),
                ("0", "1"), ("128 bytes", "100")],
    "areas": [("BSS", "data"), ("10", "60")],
    "buddy": [("5", "7"), ("0 0 0 1 1 1 1 1 0 1 3", "0 0 0 0 0 0 0 0 1 1 3"), ("1", "2"), ("0", "1")],
    "faults": [("2", "8"), ("4", "2")],
    "containers": [("1280", "1024"), ("68", "128")],
    "fork": [("20 kB", "0"), ("4", "0"), ("4", "16")],
    "fragmentation": [("2", "1792"), ("1", "0")],
    "gigabyte": [("0x1234567", "0xc1234567"), ("761976", "106488")],
    "hugepages": [("515", "2560"), ("1024", "2"), ("1", "0"), ("4", "6")],
    "kmalloc": [("512", "300"), ("256k", "200100")],
    "ksm": [("63", "64"), ("4", "1"), ("0", "1")],
    "malloc": [("0", "1"), ("0", "1")],
    "numa": [("1", "0"), ("1024", "512")],
    "oom": [("53", "54"), ("132", "25000")],
    "pressure": [("0", "64"), ("1", "0")],
    "reading": [("0", "1")],
    "slab": [("1", "2"), ("1", "0"), ("1", "0"), ("0", "64")],
    "sixtyfour": [("2", "3"), ("6144", "4096"), ("24", "8")],
    "slub": [("yes", "no")],
    "zones": [("0", "131072"), ("3", "2"), ("0", "1")],
}  # fmt: skip


def verdicts(name: str, which: int) -> list[str]:
    """Play a lesson, answering right (0) in 80 columns or wrong (1) in 60; each step fits its screen."""
    room = (80, 60)[which] - 1
    playing = Playing(load(name), open_session, room)
    answers = iter(ANSWERS.get(name, []))
    said = []
    while playing.step is not None:
        asked = playing.step.kind == QUESTION
        shown = playing.forward(next(answers)[which] if asked else None)
        playing.kept.clear()
        step_fits(shown, room)
        if asked:
            said.append(shown.verdict)
    assert next(answers, None) is None
    return said


def test_every_lesson_is_answered() -> None:
    asking = {name for name in names() if any(step.kind == QUESTION for step in load(name).steps)}
    assert asking == set(ANSWERS)


@pytest.mark.parametrize("name", names())
def test_right_answers_are_right(name: str) -> None:
    assert [said for said in verdicts(name, 0) if not said.startswith("Right: ")] == []


@pytest.mark.parametrize("name", names())
def test_wrong_answers_are_wrong(name: str) -> None:
    assert [said for said in verdicts(name, 1) if not said.startswith("No: it is ")] == []


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("kmalloc 64; echo 5", "5"), ("kmalloc 64; order 100k", "5"), ("echo 5; echo; echo -7", "-7"),
        ("echo 0x10", "16"),
        ("malloc 1; free $; echo 0", "0"), ("kmalloc 64; true; echo done 7", None), ("true", None), ("echo 3 4", None),
        ("grep MemTotal /proc/meminfo", None), ("kmalloc 5M; echo", None),
    ],
)  # fmt: skip
def test_a_value_is_the_last_one_or_the_authors_error(command: str, found: str | None) -> None:
    text = f"# T\n\n```quiz\nHow many?\n= value of '{command}'\n```\n"
    verdict = Playing(read_lesson("t.md", text), open_session, 79)
    verdict.forward()
    said = verdict.forward("5").verdict
    if found is None:
        assert said.startswith(f"t.md:3: '{command}' yields no value: it ends with ") and "No:" not in said
    else:
        assert said == (f"Right: {found}." if found == "5" else f"No: it is {found}, not 5.")


@pytest.mark.parametrize(
    ("text", "truth", "ask", "good"),
    [
        ("20 kB", Truth((20,), "20"), "By how many kB?", True), ("20 kB", Truth((20,), "20"), "How many pages?", False),
        ("20k", Truth((20480,), "20480"), "How many bytes?", True),
        ("1 page", Truth((1,), "1"), "How many pages?", True),
        ("01234567", Truth((0x1234567,), "0x1234567"), "Where?", True),
        ("b7fc7010", Truth((0xB7FC7010,), ""), "", True),
        ("normal", Truth((2,), "2"), "In which zone: 1 DMA, 2 Normal?", True),
        ("DMA", Truth((2,), "2"), "In which zone: 1 DMA, 2 Normal?", False), ("-1", Truth((-1,), "-1"), "", True),
        ("four", Truth((4,), "4"), "How many?", False),
    ],
)  # fmt: skip
def test_an_answer_may_have_its_unit_or_be_the_name_of_a_choice(text: str, truth: Truth, ask: str, good: bool) -> None:
    assert right(text, truth, ask) is good


def test_a_name_in_a_check_is_a_value_and_no_word_of_it() -> None:
    from memsh.teach.expectation import holds
    from memsh.teach.statement import words_of

    session = open_session([], StringIO(), StringIO())
    session.run("tasks=$(ls /proc | grep -c '^[0-9]')")
    assert holds(session, words_of("$tasks == processes"))[0]
    assert holds(session, words_of("$((tasks + 1)) > $(echo $tasks)"))[0]
    for trick in ("not 5", "processes", "processes as 1", "5 == 5 #", "value of 'ls'", "$tasks", "5; echo 7", "'", '"'):
        session.variables["n"] = trick
        with pytest.raises(ShellError):
            holds(session, words_of("$n == processes"))
    session.variables["z"] = "Normal.3"
    with pytest.raises(ShellError):
        holds(session, words_of("buddy.$z >= 0"))
