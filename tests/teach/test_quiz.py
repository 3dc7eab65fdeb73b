"""quiz: the box's own answers, scored; pause and note."""

from __future__ import annotations

import io

import pytest

from memsh.cli import open_session
from memsh.inspect import check
from memsh.linux.config import Config
from memsh.machines.box import Box
from memsh.procfs import tree
from memsh.shell.io import TextInput
from memsh.shell.session import Session
from memsh.teach.questions import Truth, right, understood
from memsh.teach.quiz import TOPICS, answer, questions


def session(answers: str = "", machine: str = "") -> tuple[Session, io.StringIO]:
    out = io.StringIO()
    made = open_session(machine.split(), out, out)
    made.stdin = TextInput(answers)
    return made, out


@pytest.mark.parametrize("topic", [*TOPICS, None])
@pytest.mark.parametrize("turn", range(4))
def test_the_true_answers_are_right(topic: str | None, turn: int) -> None:
    made, out = session(machine=TOPICS[topic].machine if topic else "")
    made.run("true\n" * turn)
    asked = list(questions(topic, turn, made.box))[:5]
    told = [answer(made, question).text for question in asked]
    made.stdin = TextInput("".join(line + "\n" for line in told))
    names = ("buddyinfo", "slabinfo", "vmstat", "self/smaps")
    before = [tree.show(made.box, f"/proc/{name}") for name in names]
    assert made.run(f"quiz {topic or ''}") == 0
    assert "5 right of 5\n" in out.getvalue()
    assert before == [tree.show(made.box, f"/proc/{name}") for name in names] and made.values == []
    assert check.check(made.box) == []


def test_what_the_kernel_does_after_the_question_is_what_was_answered() -> None:
    made, out = session("0x1f30\n")
    question = next(question for question in questions("buddy", 0, made.box) if question.figure == "value")
    order, truth = question.command, answer(made, question)
    made.run(order)
    assert f"$1 = {truth.text} " in out.getvalue()


def test_wrong_passed_and_stopped() -> None:
    made, out = session("99\n\nmany\nq\n2\n")
    assert made.run("quiz buddy") == 1
    text = out.getvalue()
    assert "No: it is 2, not 99 (cat /proc/buddyinfo)." in text and "'many' is no number" in text
    assert text.endswith("0 right of 3, 1 passed\n")


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        ("quiz nothing", 2, "quiz: TOPIC: 'nothing' is not one of buddy, sizes, slab, malloc, faults, hugepages, numa, "
         "containers"),
        ("quiz numa", 1, "quiz: numa: this box has none (reset --arch x86_64 --cpus 2 --nodes 2 has)"),
        ("quiz -n x", 2, "quiz: 'x' is not a number"), ("quiz -n 0", 1, "0 right of 0\n"),
        ("note Now the heap grows", 0, "── Now the heap grows\n"), ("pause Questions?", 0, "Questions?\n"),
        ("pause", 0, ""), ("note", 0, "──\n"),
    ],
)  # fmt: skip
def test_quiz_note_pause(line: str, status: int, said: str) -> None:
    made, out = session()
    assert made.run(line) == status
    assert out.getvalue().startswith(said)


def test_the_topics_that_are_offered_are_those_that_there_are() -> None:
    made, _ = session()
    assert made.registry.commands["quiz"].params[0].choices == tuple(TOPICS)


def test_answers_are_numbers_sizes_addresses_or_a_row() -> None:
    assert understood("64k") == (65536,) and understood("b7fc7010") == (0xB7FC7010,) and understood("x") is None
    assert right("8 9, 7", Truth((8, 9, 7), "")) and not right("", Truth((0,), "0"))


def test_a_question_in_a_pipe_reads_the_pipe() -> None:
    made, out = session()
    assert made.run("printf '2\\n' | quiz buddy -n 1") == 0
    assert "1 right of 1" in out.getvalue()


def test_one_may_look_before_answering() -> None:
    made, out = session("?\ncat /proc/buddyinfo\nmalloc 1M\nexit\nnosuch thing\n2\n")
    before = tree.show(made.box, "/proc/self/maps")
    assert made.run("quiz buddy -n 2") == 1
    text = out.getvalue()
    assert "   Look at it: cat /proc/buddyinfo\n" in text and "Node 0, zone      DMA" in text and "$1 = 0x" in text
    assert "'nosuch thing' is no number; it is 2" in text and text.count("\n1. ") + text.startswith("1. ") == 1
    assert tree.show(made.box, "/proc/self/maps") == before and made.values == []


def test_the_buddy_is_asked_about_the_zone_that_the_kernel_takes_from() -> None:
    for arch, zone in (("x86_64", "DMA32"), ("i386", "Normal")):  # 512 MiB of x86_64 have no Normal
        box = Box(Config(arch=arch, ram=512 << 20))
        assert [zone in question.ask for question in questions("buddy", 0, box)] == [True] * 5
