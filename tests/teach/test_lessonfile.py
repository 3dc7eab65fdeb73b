"""The lesson's file: what is read, and what is told of a broken one."""

from __future__ import annotations

from pathlib import Path

import pytest

from memsh.shell.errors import ShellError
from memsh.teach.lessonfile import BOOT, COMMAND, PROSE, QUESTION, Broken, load, names, read_lesson
from tests.sessions import LESSONS, replay_markdown

SAMPLE = """\
<!-- memsh: --ram 64M -->
# A title

What it is about,
in a paragraph.

## One

```console
memsh> plain on
plain: per-CPU lists and array caches are drained and bypassed; plain off is Linux as it is
memsh(plain)> for i in 1 2
> do true; done
```

```c
int x;
```

## Two

```predict
memsh(plain)> alloc_pages 4
How many?
= buddy.Normal.4
```

```console
$ memsh --ram 32M
memsh> true
```
"""


def test_a_lesson_is_steps() -> None:
    lesson = read_lesson("a.md", SAMPLE)
    assert (lesson.title, lesson.summary) == ("A title", "What it is about, in a paragraph.")
    assert lesson.options == ["--ram", "64M"]
    kinds = [step.kind for step in lesson.steps]
    assert kinds == [PROSE, PROSE, COMMAND, COMMAND, PROSE, PROSE, QUESTION, BOOT, COMMAND]
    assert lesson.steps[3].text == "for i in 1 2\ndo true; done"
    assert lesson.steps[2].recorded[0].startswith("plain: per-CPU")
    assert lesson.steps[4].text == "```c\nint x;\n```"
    asked = lesson.steps[6]
    assert (asked.text, asked.ask, asked.figure, asked.line) == ("alloc_pages 4", "How many?", "buddy.Normal.4", 22)
    assert [title for title, _ in lesson.sections] == ["A title", "One", "Two"]
    heads = [lesson.steps[first].text.split("\n")[0] for _, first in lesson.sections]
    assert heads == ["# A title", "## One", "## Two"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# T\n```console\nmemsh> true\n", "x.md:2: this ```console block has no end"),
        ("# T\n```console\noutput\n```\n", "x.md:3: a console block begins with a prompt (memsh> )"),
        ("# T\n```predict\nmemsh> true\nWhat?\n```\n", "x.md:2: this ```predict block lacks a line `= FIGURE` that"),
        ("# T\n```predict\nWhat?\n= 3\n```\n", "x.md:2: this ```predict block lacks a command (memsh> …)"),
        ("# T\n```quiz\n= 3\n```\n", "x.md:2: this ```quiz block lacks a question"),
        ("text\n", "x.md:1: there is no title"),
        ("<!-- memsh: --proc /etc -->\n# T\n", "x.md:1: '--proc' is no machine option"),
        ("<!-- memsh: --ram -->\n# T\n", "x.md:1: '--ram' is no machine option"),
        ("# T\n```console\n$ memsh -c 'x'\n```\n", "x.md:3: '-c' is no machine option"),
        ("# T\n# U\n", "x.md:2: a second title"),
    ],
)
def test_a_broken_lesson_is_one_clear_line(text: str, said: str) -> None:
    with pytest.raises(Broken) as caught:
        read_lesson("x.md", text)
    assert caught.value.message.startswith(said) and "\n" not in caught.value.message


def test_files_that_are_no_lessons(tmp_path: Path) -> None:
    (tmp_path / "bytes.md").write_bytes(b"# T\n\xff\n")
    for name, said in (
        ("bytes.md", "not a text (byte 4"), ("none.md", "No such file or directory"), ("", "Is a directory"),
    ):  # fmt: skip
        with pytest.raises(ShellError, match=said.replace("(", r"\(")):
            load(f"{tmp_path}/{name}")
    with pytest.raises(ShellError, match="there is no lesson nosuchthing"):
        load("nosuchthing")


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_every_lesson_is_in_the_format(path: Path) -> None:
    lesson = load(path.stem)
    assert path.stem in names() and lesson.summary
    assert sum(step.kind == COMMAND for step in lesson.steps) >= 3


def test_replaying_writes_output_and_prompts_anew() -> None:
    old = "# T\n\n```console\nmemsh> plain on\nnonsense\nmemsh> echo x\n```\n```predict\nmemsh> y=3\nQ\n= 3\n```\n"
    new = replay_markdown(old + "```console\nmemsh> echo $y\n```\n")
    assert "nonsense" not in new and "memsh(plain)> echo x\nx\n```" in new
    assert new.endswith("memsh(plain)> echo $y\n3\n```\n") and "memsh> y=3\nQ\n= 3\n" in new
    small = replay_markdown("<!-- memsh: --ram 32M -->\n```console\nmemsh> grep MemTotal /proc/meminfo\n```")
    assert int(small.split()[-3]) < 32 << 10
