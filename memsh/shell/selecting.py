"""`select`: a menu on standard error, and the answers to it (bash: execute_cmd.c, execute_select_command).

Known deviation: every letter counts for one column.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.shell.errors import ShellError
from memsh.shell.syntax import Select, Simple
from memsh.shell.values import whole

if TYPE_CHECKING:
    from memsh.shell.run import Runner

TAB = 8


def run_select(runner: Runner, node: Select) -> int:
    language, status = runner.language, 0
    runner.stands(node)
    if not node.name.isidentifier():
        return runner.complain("select", ShellError(f"`{node.name}': not a valid identifier"), node.line)
    try:
        words = list(language.positional or ()) if node.words is None else runner.expander().words(node.words)
    except ShellError as error:
        return runner.complain("select", error, node.line)
    if "DEBUG" in language.traps:
        runner.debugged(node)
    if "xtrace" in language.options:
        runner.trace(node.shown())
    language.loops += 1
    try:
        shows = True
        while words:
            answer = _answered(runner, node, words, shows)
            if answer is None:
                return 1
            language.set(node.name, answer)
            status, ends = runner.round(node.body, status)
            if ends:
                break
            shows = not language.get("REPLY")
    except ShellError as error:
        return runner.complain("select", ShellError(error.message), node.line)
    finally:
        language.loops -= 1
    return status


def _answered(runner: Runner, node: Select, words: list[str], shows: bool) -> str | None:
    """The word that was chosen, "" where the answer is no number of one; None at the end of the input."""
    language = runner.language
    asking = Simple(node.line, node.pos)
    asking.words = ["builtin", "read"]
    while True:
        if shows:
            runner.say(menu(words, whole(language.get("COLUMNS") or "") or 80))
        prompt = language.get("PS3")
        runner.say("#? " if prompt is None else prompt)
        traces = "xtrace" in language.options
        language.options.discard("xtrace")
        try:
            failed = runner.tested(asking)
        finally:
            if traces:
                language.options.add("xtrace")
        if failed:
            runner.stdout.write("\n")
            return None
        reply = language.get("REPLY") or ""
        if reply:
            number = whole(reply.strip()) or 0
            return words[number - 1] if 0 < number <= len(words) else ""
        shows = True


def menu(words: list[str], width: int) -> str:
    """The words with their numbers, in columns."""
    digits = len(str(len(words)))
    each = max(len(word) for word in words) + digits + 4
    across = max(1, width // each)
    rows = -(-len(words) // across)
    if rows == 1:
        rows = len(words)
    lines = []
    for row in range(rows):
        line = ""
        for place, number in enumerate(range(row, len(words), rows)):
            wide = digits if place else len(str(rows))
            line += f"{number + 1:{wide}d}) {words[number]}"
            if number + rows < len(words):
                line += _blanks(place * each + len(words[number]) + wide + 2, (place + 1) * each)
        lines.append(line + "\n")
    return "".join(lines)


def _blanks(begun: int, end: int) -> str:
    """From one column to another, with tabs where they fit."""
    out = ""
    while begun < end:
        tab = end // TAB > begun // TAB
        out += "\t" if tab else " "
        begun += TAB - begun % TAB if tab else 1
    return out
