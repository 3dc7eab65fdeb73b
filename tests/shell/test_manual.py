"""The manual's pages: listed, found, completed, and no command's name."""

from __future__ import annotations

import pytest

from memsh.shell.manual import contents, page, pages
from tests.shell.harness import run


@pytest.mark.parametrize("name", pages())
def test_a_page_is_shown(name: str) -> None:
    assert pages()[name], f"{name}: the title says what it is about ('# {name}: …')"
    out, err, status = run(f"man {name}")
    assert (err, status) == ("", 0) and f"{name}: {pages()[name]}\n====" in out
    assert not any(line.startswith(("<!--", "```")) for line in out.splitlines())  # but in examples, which are indented


def test_without_a_name_the_pages_are_listed() -> None:
    out = run("man")[0]
    assert out.endswith(contents()) and all(f"\n{name} " in out for name in pages())
    assert max(map(len, out.splitlines())) <= 80


def test_a_page_that_is_not_there() -> None:
    assert "did you mean errata?" in run("man eratta")[1]
    with pytest.raises(KeyError):
        page("../README", 80)


def test_a_lesson_is_told_of_and_how_to_play_it() -> None:
    out, err, status = run("man sixtyfour")
    assert (err, status) == ("", 0)
    assert "The same kernel on i386 and on x86_64" in out
    assert "It is a lesson: `lesson sixtyfour` plays it." in out
