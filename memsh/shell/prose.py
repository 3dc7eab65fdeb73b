"""A lesson's prose as plain text: paragraphs and lists filled to a width, all else as it is. No known deviations."""

from __future__ import annotations

import re
import textwrap

from memsh.lazy import regular

ITEM = regular(r"(\s*(?:[-*+]|\d+[.)])\s+)(.*)")
LINK = regular(r"\[([^\]]+)\]\([^)]*\)")
STRONG = regular(r"\*\*([^*]+)\*\*|(?<![\w*])\*([^*\s][^*]*)\*(?!\w)|(?<!\w)_([^_\s][^_]*)_(?!\w)")


def inline(text: str) -> str:
    """Without the marks of emphasis and links; `code` keeps its quotes."""
    parts = re.split(r"(`[^`]*`)", text)
    for at in range(0, len(parts), 2):
        without = LINK.sub(r"\1", parts[at])
        parts[at] = STRONG.sub(lambda match: next(group for group in match.groups() if group), without)
    return "".join(parts)


def plain_text(text: str, width: int) -> str:
    """Markdown to plain text of at most `width` columns (code, tables and long words excepted); ends with a newline."""
    out: list[str] = []
    gathered: list[str] = []
    indent = ""
    fenced = False

    def settle() -> None:
        nonlocal indent
        if gathered:
            filled = textwrap.fill(
                inline(" ".join(gathered)), max(20, width), initial_indent=indent, break_long_words=False,
                subsequent_indent=" " * len(indent), break_on_hyphens=False)  # fmt: skip
            out.append(filled)
            gathered.clear()
        indent = ""

    for line in text.split("\n"):
        item = ITEM.match(line)
        if line.startswith("```"):
            settle()
            fenced = not fenced
        elif fenced or line.startswith(("    ", "|")):
            settle()
            out.append("    " + line if fenced else line)
        elif not line.strip():
            settle()
            out.append("")
        elif line.startswith("#"):
            settle()
            title = inline(line.lstrip("# "))
            out += [title, ("=" if line.startswith("# ") else "-") * min(len(title), width)]
        elif item:
            settle()
            indent = item[1]
            gathered.append(item[2])
        else:
            gathered.append(line.strip())
    settle()
    return "\n".join(out) + "\n"
