"""grade: the exercises that come with memsh with their reference answers, figures by student, and bad answers."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from memsh.cli import main, open_session
from memsh.shell.errors import ShellError
from memsh.teach.exercise import bundled, load_exercise, read_exercise
from memsh.teach.grading import Grader, Mark

SMALL = """\
<!-- exercise: memsh 0.1 -->
<!-- memsh: --ram 64M -->
# Small

```parameters
order = 4 | 5
twice = ({order} * 2)
```
Take {order} and {twice}, not {other}.

```setup
plain on
```

```allowed
alloc_pages free_pages cat kill malloc awk seq sleep reset switch _exit
```

## Task 1: take

```checks
2 status of 'free_pages $p {order}' == 0  # p is a block
1 buddy.Normal.{order} since START < 9
```

## Task 2: look

```allowed
cat
```

```checks
3 unchanged /proc/buddyinfo since TASK1
```
"""


def graded(answer: str, text: str = SMALL, seconds: float = 10.0) -> Mark:
    return Grader(read_exercise("small.md", text), open_session, seconds).mark(answer)


GOOD = "p=$(alloc_pages 4)\n# task 2\ncat /proc/buddyinfo\n"


def test_a_good_answer() -> None:
    mark = graded(GOOD)
    assert (mark.points, mark.end, [task.points for task in mark.tasks]) == (6, "done", [3, 3])


def test_each_lost_point_is_a_line_with_expected_and_found() -> None:
    mark = graded("p=5\n# task 2\n")
    (lost,) = mark.tasks[0].lost
    assert lost.points == 2 and lost.why == "p is a block"
    assert lost.said == "expected status of 'free_pages $p 4' == 0; found 1"
    (lost,) = graded("true", SMALL.replace("since START <", "< $p +")).tasks[0].lost[1:]
    assert lost.said == "expected buddy.Normal.4 < $p + 9; found: $p is not set"


@pytest.mark.parametrize("name", bundled())
@pytest.mark.parametrize("seed", ["", "anna", "bert"])
def test_the_exercises_with_their_reference_answers(name: str, seed: str) -> None:
    exercise = load_exercise(name, seed)
    grader = Grader(exercise, open_session)
    mark = grader.mark(exercise.answer)
    assert mark.points == exercise.points > 0, (mark, grader.errors.getvalue())
    if not seed:
        assert Grader(exercise, open_session).mark("").points < exercise.points / 2
    assert "```" not in exercise.text and "{" not in exercise.text.replace("${", "")


def test_there_are_exercises_and_answers_for_each() -> None:
    assert all(task.answer for name in bundled() for task in load_exercise(name, "").tasks)
    assert set(bundled()) == {"split", "brk", "pss", "slab", "order4", "hugepages", "numa", "containers"}


def test_figures_differ_by_student_and_are_always_the_same() -> None:
    texts = {seed: load_exercise("pss", seed).text for seed in map(str, range(12))}
    assert len(set(texts.values())) > 6
    assert texts == {seed: load_exercise("pss.md", seed).text for seed in texts}
    exercise = read_exercise("small.md", SMALL)
    assert exercise.parameters == {"order": "4", "twice": "8"}
    assert "Take 4 and 8, not {other}." in exercise.text and "since START" not in exercise.text


@pytest.mark.parametrize(
    ("answer", "points", "end", "said"),
    [
        ("procdump /tmp/x", 0, "refused", "refused: line 1: procdump may not be used in an answer"),
        ("true\necho $(save x)", 0, "refused", "refused: line 2: save may not"),
        ("if true; then source x; fi", 0, "refused", "refused: line 1: source may not"),
        ("cat /proc/meminfo |! cat", 0, "refused", "refused: line 1: |! may not"),
        ("echo 'open", 0, "refused", "refused: line 1: syntax error"),
        ("# memsh 0.9.1\ntrue", 0, "refused", "refused: it was written for memsh 0.9, and this is 0.1.0"),
        ("# task 3\ntrue", 0, "refused", "refused: line 1: task 3 is out of order, or there is none (1 to 2)"),
        ("# task 2\n# task 1\n", 0, "refused", "refused: line 2: task 1 is out of order"),
        ("while true; do true; done", 0, "time", "stopped: task 1 ran longer than 0.4 s"),
        (GOOD + "while true; do true; done", 3, "time", "stopped: task 2 ran longer"),
        ("seq 999999999 > /dev/null", 0, "time", "stopped: task 1 ran longer"),
        ("while true; do true; done &\nwhile true; do x=$(while true; do true; done); done", 0, "time", "stopped"),
        ("switch 1; _exit", 0, "panic", "stopped: the kernel panicked in task 1 (init is dead)"),
        (GOOD + "exit 3\nfalse", 6, "done", ""),
        ("x=save; $x y\np=$(alloc_pages 4)", 6, "done", ""),  # refused when it runs
        ("reset --from /etc\np=$(alloc_pages 4)", 6, "done", ""),
    ],
)
def test_whatever_ends_an_answer_early_has_a_defined_mark(answer: str, points: int, end: str, said: str) -> None:
    begun = time.monotonic()
    mark = graded(answer, seconds=0.4)
    assert (mark.points, mark.end) == (points, end) and mark.message.startswith(said)
    assert "\n" not in mark.message and time.monotonic() - begun < 5
    assert [task.of for task in mark.tasks] == [3, 3]


def test_commands_that_are_not_allowed_fail_and_the_rest_runs() -> None:
    grader = Grader(read_exercise("small.md", SMALL), open_session)
    mark = grader.mark("vmalloc 4k\ntimes=$(kmalloc 5)\np=$(alloc_pages 4)\n# task 2\nalloc_pages 3\n")
    assert mark.points == 6 and grader.errors.getvalue().count("not allowed in this task\n") == 3


def test_the_answers_own_snapshots_are_not_in_the_way() -> None:
    text = SMALL.replace("malloc awk", "snapshot awk").replace("\ncat\n```", "\nsnapshot alloc_pages\n```")
    assert graded("p=$(alloc_pages 4)\n# task 2\nalloc_pages 5\nsnapshot TASK1", text).points == 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("memsh 0.1 ", "memsh 0.2 "), "small.md is for memsh 0.2, and this is 0.1.0: not marked"),
        (("<!-- exercise: memsh 0.1 -->", ""), "small.md:1: there is no line <!-- exercise: memsh 0.1 -->"),
        (("# Small", "Small"), "small.md:1: there is no title"),
        (("## Task 2", "## Task 4"), "small.md:26: task 4 comes"),
        (("1 buddy", "buddy"), "small.md:23: a check is"), (("order = 4 | 5", "order"), "small.md:6: a parameter is"),
        (("order = 4 | 5", "order = 4 | "), "small.md:6: order has no values"),
        (("({order} * 2)", "({order} *)"), "small.md:7: "), (("TASK1\n```", "TASK1\n"), "small.md:32: this ```checks"),
        (("--ram 64M", "--proc x"), "small.md:2: '--proc' is no machine option"),
        (("plain on", "plaint on"), "small.md: the setup fails: plaint on: "),
        (("--ram 64M", "--ram 1"), "small.md: RAM must be from 32M to 4G"),
    ],
)  # fmt: skip
def test_a_broken_exercise_is_one_clear_line(change: tuple[str, str], said: str) -> None:
    with pytest.raises(ShellError) as caught:
        graded(GOOD, SMALL.replace(*change))
    assert caught.value.message.startswith(said) and "\n" not in caught.value.message


def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    (tmp_path / "small.md").write_text(SMALL)
    (tmp_path / "good.memsh").write_text(GOOD)
    (tmp_path / "bad.memsh").write_text("p=5\nnonsense\n")
    (tmp_path / "bytes.memsh").write_bytes(b"\xff\xfe")
    (tmp_path / "hostile.memsh").write_text("p='\x1b[31m\x9b\u202e'; $p; nonsense $'\\x80'\n")
    status = main(["grade", *(word.replace("@", str(tmp_path) + "/") for word in words)])
    out = capsys.readouterr()
    return status, out.out, out.err


def test_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(tmp_path, capsys, "@small.md", "@good.memsh")
    assert (status, out) == (0, "Small\ntask 1: 3 of 3  take\ntask 2: 3 of 3  look\nmark: 6 of 6\n")
    status, out, _ = run(tmp_path, capsys, "@small.md", "@bad.memsh", "--seed", "anna")
    assert status == 1 and out.startswith("Small (seed anna)\n  nonsense: command not found")
    assert "\n  lost 2: expected status of 'free_pages $p 5' == 0; found 1 (p is a block)\n" in out
    assert out.endswith("\nmark: 4 of 6\n")
    status, out, _ = run(tmp_path, capsys, "@small.md", "@bad.memsh", "--json", "--seed", "anna")
    found = json.loads(out)
    assert status == 1 and (found["points"], found["of"], found["end"], found["seed"]) == (4, 6, "done", "anna")
    assert found["tasks"][0]["lost"][0]["points"] == 2 and out.count("\n") == 1
    for options in ([], ["--json"]):
        _, out, _ = run(tmp_path, capsys, "@small.md", "@hostile.memsh", *options)
        assert out.isascii() and out.replace("\n", "").isprintable() and ("[31m" in out or options)
    status, out, _ = run(tmp_path, capsys, "@small.md")
    assert status == 0 and "checks" not in out and "6 points." in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["split", "--csv"], "grade: give an exercise"), (["a", "b", "c"], "grade: give an exercise"),
        (["nosuch"], "grade: there is no exercise nosuch"), (["@none.md"], "No such file or directory"),
        (["@small.md", "@none.memsh"], "No such file or directory"), (["@small.md", "@bytes.memsh"], "not a text"),
        (["@", "@good.memsh"], "Is a directory"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    status, out, err = run(tmp_path, capsys, *words)
    assert status == 2 and out == "" and said in err and err.count("\n") == 1


def test_with_json_trouble_is_json_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(tmp_path, capsys, "@none.md", "@good.memsh", "--json")
    found = json.loads(out)
    assert status == 2 and err == "" and (found["points"], found["end"]) == (0, "error")
    assert "No such file or directory" in found["message"]


def test_an_endless_answer_fills_nothing() -> None:
    grader = Grader(read_exercise("small.md", SMALL), open_session, 0.5)
    mark = grader.mark("while true; do cat /proc/meminfo; nonsense; done")
    assert mark.end == "time" and len(grader.errors.getvalue()) <= 1 << 16


@pytest.mark.parametrize("name", ["split", "brk", "pss", "slab", "order4"])
def test_doing_nothing_earns_nothing(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = tmp_path / "nothing.memsh"
    answer.write_text("# I did not get round to it\n")
    assert main(["grade", name, str(answer)]) == 1
    assert "\nmark: 0 of " in capsys.readouterr().out


TRICKS = [
    "undo 99\np=$(alloc_pages 4)", "echo 'mark: 6 of 6'; echo Right", "START=0; TASK1=1", "exit 0", "undo; undo; redo",
    "p='$(alloc_pages 4)'", "p='4; alloc_pages 4'", "x=$(undo 5; echo 1)",
    "free_pages() { true; }\np=5", "alias free_pages=true\np=5", "expect() { true; }\np=5", "trap true EXIT\np=5",
]  # fmt: skip


@pytest.mark.parametrize("trick", TRICKS)
def test_no_trick_earns_what_was_not_done(trick: str) -> None:
    text = SMALL.replace("cat kill", "cat undo redo kill").replace("1 buddy.Normal.{order} since START < 9\n", "")
    mark = graded(trick + "\n# task 2\n", text)
    assert mark.tasks[0].points == (2 if trick.startswith("undo 99") else 0)


@pytest.mark.parametrize("left", ["IFS=0x", "ulimit -v 100", "set -n", "PS4='$((f=16))'; set -x", "unset IFS; set -f",
                                  "declare -n f='z[z[0]=$(touch $(mmap 64k) 64k >&2; echo 16),0]'; z=(0)"])
@pytest.mark.parametrize("f", [0, 16])
def test_how_the_shell_is_left_changes_no_check(left: str, f: int) -> None:
    check = "## Task 1\n```checks\n1 $f == minflt of 'touch $(mmap 64k) 64k'\n```\n"
    text = SMALL[: SMALL.index("```parameters")] + check
    refused = "ulimit" in left or "declare" in left
    assert graded(f"f={f}; {left}\n", text).points == (0 if refused else f == 16)


def test_undo_does_not_go_behind_the_answer() -> None:
    grader = Grader(read_exercise("small.md", SMALL.replace("cat kill", "cat undo kill")), open_session)
    grader.mark("undo\nundo 99\nalloc_pages 3; undo; undo")
    assert grader.errors.getvalue().count("there is nothing to undo") == 3 and grader.session.box.plain


def test_a_check_that_never_ends_is_a_lost_point(monkeypatch: pytest.MonkeyPatch) -> None:
    from memsh.teach import grading

    monkeypatch.setattr(grading, "SECONDS", 0.3)
    text = SMALL.replace("1 buddy.Normal.{order} since START < 9", "1 value of 'while true; do true; done' == 0")
    (lost,) = graded(GOOD, text).tasks[0].lost
    assert lost.said.endswith("found: it took longer than 0.3 s to tell")


def test_the_key_and_the_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(tmp_path, capsys, "split", "--seed", "anna", "--key")
    order = load_exercise("split", "anna").parameters["order"]
    assert status == 0 and out.startswith(f"Split and restore (seed anna)\n  order = {order}\n")
    assert f"  p=$(alloc_pages {order})" in out and "\n  3  buddy.Normal.10 since START == -1  # exactly" in out
    assert out.endswith("mark of this answer: 10 of 10\n")
    status, out, _ = run(tmp_path, capsys, "@small.md", "--key")
    assert status == 1 and out.endswith("there is no ```answer\n")
    status, out, _ = run(tmp_path, capsys)
    assert status == 0 and all(f"\n{name} " in "\n" + out for name in bundled())


def test_a_whole_class(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import csv

    folder = tmp_path / "class"
    folder.mkdir()
    for name in ("anna", "bert", "=cmd"):
        exercise = load_exercise("pss", name)
        (folder / f"{name}.memsh").write_text(exercise.answer if name != "bert" else "procdump /tmp/x")
    (folder / "carl.memsh").write_bytes(b"\xff\xfe")
    (folder / "notes.txt").write_text("not an answer")
    status, out, err = run(tmp_path, capsys, "pss", "@class", "--csv")
    rows = list(csv.DictReader(out.splitlines()))
    assert status == 0 and err == ""
    assert [row["student"] for row in rows] == ["'=cmd", "anna", "bert", "carl"]
    assert [row["points"] == row["of"] for row in rows] == [True, True, False, False]
    assert [row["end"] for row in rows] == ["done", "done", "refused", "error"]
    assert rows[1]["task1"] == "7" and "procdump may not be used" in rows[2]["message"]
    status, _, err = run(tmp_path, capsys, "pss", "@none", "--csv")
    assert status == 2 and "No such file or directory" in err
