"""Every console block and every scripted session prints today what is written down, byte for byte."""

from pathlib import Path

import pytest

from tests.sessions import (
    MARKDOWN,
    ROOT,
    SCREENS,
    SCRIPTS,
    recorded,
    replay_markdown,
    replay_screen,
    replay_script,
    with_command_table,
)


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: path.name)
def test_console_blocks(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert replay_markdown(text) == text


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_script(path: Path) -> None:
    assert replay_script(path) == recorded(path).read_text(encoding="utf-8")


def test_the_readme_lists_every_command() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert with_command_table(text) == text


@pytest.mark.parametrize("path", SCREENS, ids=lambda path: path.name)
def test_screens_are_what_is_drawn_today(path: Path) -> None:
    assert path.with_suffix(".svg").read_text(encoding="utf-8") == replay_screen(path)
