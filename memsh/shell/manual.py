"""The manual's pages that are about no single command: Markdown files in memsh/lessons/man/.

A page is its title (`# NAME: what it is about`) and text; its console blocks are replayed by the tests like those of a
lesson. No known deviations: the pages are memsh's own.
"""

from __future__ import annotations

import re
from pathlib import Path

from memsh.shell.prose import plain_text

FOLDER = Path(__file__).parent.parent / "lessons" / "man"


def pages() -> dict[str, str]:
    """Name → what it is about, in alphabetical order."""
    found = {}
    for path in sorted(FOLDER.glob("*.md")):
        with path.open(encoding="utf-8") as lines:
            title = next((line for line in lines if line.startswith("# ")), "")
        found[path.stem] = title.partition(":")[2].strip()
    return found


def page(name: str, width: int) -> str:
    """One page as plain text. KeyError if there is none of that name."""
    if name not in pages():
        raise KeyError(name)
    text = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    return plain_text(re.sub(r"^<!--.*?-->\n", "", text, flags=re.MULTILINE), width)


def lesson(name: str, width: int) -> str | None:
    """What the lesson of that name is about and how to play it, as plain text; None if there is none."""
    known = {path.stem: path for path in FOLDER.parent.glob("*.md") if path.stem != "README"}
    if name not in known:
        return None
    about = known[name].read_text(encoding="utf-8").partition("\n## ")[0]
    about = re.sub(r"^<!--.*?-->\n", "", about, flags=re.MULTILINE).rstrip()
    return plain_text(f"{about}\n\nIt is a lesson: `lesson {name}` plays it.\n", width)


def contents() -> str:
    """The list of pages, one a line."""
    listed = pages()
    wide = max(map(len, listed), default=0) + 2
    return "".join(f"{name:<{wide}}{about}\n" for name, about in listed.items())
