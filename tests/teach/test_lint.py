"""lint: what an author is told, with the line; the lessons and exercises that come with memsh have nothing to mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from memsh.cli import main, open_session
from memsh.teach import lint
from memsh.teach.exercise import EXERCISES, bundled
from memsh.teach.lessonfile import FOLDER

GOOD = """\
# Small

A lesson.

```predict
memsh> kmalloc 64
Where?
= value
```

```console
memsh> order 100k
$2 = 5  2^5 = 32 pages, 128 KiB; 28 KiB left over
```
"""
EXERCISE = """\
<!-- exercise: memsh 0.1 -->
# Small

## Task 1: take

```checks
2 status of 'free_pages $p 4' == 0  # p is a block
```

```answer
p=$(alloc_pages 4)
```
"""


def found(text: str, name: str = "x.md") -> list[str]:
    return [f"{fault.line}: {fault.said}" for fault in lint.faults(name, text, open_session)]


def test_a_good_lesson_has_nothing_to_mend() -> None:
    assert found(GOOD) == []


@pytest.mark.parametrize("name", ["article", "oom", "slab", "fork"])  # that all print today what they say, others test
def test_the_lessons(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lint, "SLOW", 30.0)  # on a busy machine; `memsh lint` says what is slow here
    assert list(lint.faults(f"{name}.md", (FOLDER / f"{name}.md").read_text("utf-8"), open_session)) == []


@pytest.mark.parametrize("name", bundled())
def test_the_exercises(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lint, "SLOW", 30.0)
    assert list(lint.faults(f"{name}.md", (EXERCISES / f"{name}.md").read_text("utf-8"), open_session)) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("```predict", "```predcit"), "5: ```predcit is no kind of block: did you mean ```predict?"),
        (("```predict", "```rust"), "5: ```rust is no kind of block (memsh's are console, predict, quiz)"),
        (("= value", "= value of 'true'"), "5: nobody can answer this: 'true' yields no value"),
        (("= value", "= vlaue"), "5: nobody can answer this: 'vlaue' is not a figure"),
        (("32 pages", "33 pages"), "13: the output is not what memsh prints today"),
        (("A lesson.\n", ""), "1: there is no paragraph below the title"),
        (("A lesson.", "A lesson.\n\n```text\n" + "x" * 99 + "\n```"), "6: 99 columns wide: a screen has 80"),
        (("A lesson.", "A lesson.\n\n| " + "x" * 99 + " |"), "5: a table 103 columns wide: a screen has 80"),
        (("= value\n", ""), "5: this ```predict block lacks a line `= FIGURE`"),
        (("# Small", "Small"), "1: there is no title"),
    ],
)
def test_what_a_lessons_author_is_told(change: tuple[str, str], said: str) -> None:
    assert any(one.startswith(said) for one in found(GOOD.replace(*change))), found(GOOD.replace(*change))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("status of", "statsu of"), "7: the ```answer loses this: expected statsu of"),
        (("alloc_pages 4", "alloc_pages 3"), "7: the ```answer loses this: expected status of 'free_pages $p 4' == 0"),
        (("alloc_pages 4", "alloc_page 4 4"), "4: the ```answer complains: alloc_page: '4' is one word too many"),
        (("2 status of 'free_pages $p 4' == 0", "2 processes > 0"), "4: 2 of 2 points are for nothing"),
        (("```answer\np=$(alloc_pages 4)\n```\n", ""), "4: there is no ```answer"),
        (("```checks", "```cheks"), "6: ```cheks is no kind of block: did you mean ```checks?"),
        (("2 status", "status"), "7: a check is `POINTS STATEMENT  # why`"),
    ],
)
def test_what_an_exercises_author_is_told(change: tuple[str, str], said: str) -> None:
    told = found(EXERCISE.replace(*change))
    assert any(one.startswith(said) for one in told), told


def test_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.md"
    path.write_text(EXERCISE)
    assert main(["lint", str(path), "split"]) == 0
    assert capsys.readouterr().out == f"{path}, split: nothing to mend\n"
    path.write_text(EXERCISE.replace("status of", "statsu of"))
    assert main(["lint", str(path)]) == 1
    assert capsys.readouterr().out.startswith(f"{path}:7: the ```answer loses this")
    assert main(["lint"]) == 2 and main(["lint", str(tmp_path / "none.md")]) == 2


def test_a_slow_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lint, "SLOW", 0.0)
    assert any("this step takes 0." in one for one in found(GOOD))
