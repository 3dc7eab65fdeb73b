"""`explain`: the story of a command as text. Known deviations: see memsh.teach.recorder."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from memsh.digits import is_digits
from memsh.linux.box import Box
from memsh.procps.figures import memory
from memsh.shell import IO, Args, ShellError, UsageError
from memsh.shell.parse import parse
from memsh.shell.session import Session
from memsh.teach.folding import folds
from memsh.teach.journal import attach
from memsh.teach.recorder import CALL, EVENT, Picture, Recorder, picture
from memsh.teach.states import aside, changes, run_line, state


def split(words: list[str]) -> tuple[dict[str, Any], list[str]]:
    """The options before COMMAND (the rest is COMMAND's own), and the words of COMMAND."""
    chosen: dict[str, Any] = {"brief": False, "dry": False, "depth": None, "step": False}
    place = 0
    while place < len(words) and words[place].startswith("-"):
        word = words[place]
        place += 1
        if word == "--step":
            chosen["step"] = True
        elif word == "--":
            break
        elif word.startswith("-d"):
            number = word[2:] or (words[place] if place < len(words) else "")
            place += not word[2:]
            if not is_digits(number):
                raise UsageError("-d needs a number of functions")
            chosen["depth"] = int(number)
        elif set(word[1:]) <= {"b", "n"} and word[1:]:
            chosen["brief"] = chosen["brief"] or "b" in word
            chosen["dry"] = chosen["dry"] or "n" in word
        else:
            raise UsageError(f"there is no option {word}: -b, -n, -d N, --step")
    return chosen, words[place:]


def tells_again(words: list[str]) -> bool:
    """Whether there is no COMMAND behind the options: the last one is told again."""
    try:
        return not split(words)[1]
    except UsageError:
        return False


def run(box: Box, args: Args, io: IO) -> int:
    """The command `explain`."""
    chosen, words = split(args.words)
    args.__dict__.update(chosen)
    if not words:
        return _last(args, io)
    if words[0] == "explain":
        raise UsageError("one explain is enough")
    registry = io.session.registry
    if len(words) > 1 or registry.knows(words[0]):
        if not registry.knows(words[0]):
            raise ShellError(f"{words[0]}: command not found", 127)
    if args.dry:
        with aside(io.session) as copy:
            return _tell(copy, words, args, io)
    return _tell(box, words, args, io)


def _last(args: Args, io: IO) -> int:
    """The last command that changed the box, told on a box as it was before."""
    session = io.session
    timeline = attach(session)
    changed = [at for at, entry in enumerate(timeline.entries) if entry.changed]
    if not changed:
        raise ShellError("no command has changed the box yet: explain COMMAND runs one and tells")
    entry = timeline.entries[changed[-1]]
    with timeline.away():
        timeline.travel(changed[-1])
        io.out(f'{entry.number} "{entry.line}"\n')
        return _tell(session.box, [entry.replay], args, io)


def _tell(box: Box, words: list[str], args: Args, io: IO) -> int:
    before = state(box)
    session = io.session
    if len(words) == 1:
        with suppress(ShellError):
            parse(words[0])  # building the grammar is not watched: that would take three times as long
    stepping = args.step and io.is_tty and session.at_prompt and session.stepper is not None
    story = Recorder(box, session.hooks, pictures=stepping)
    with story:
        if len(words) == 1 and not session.registry.knows(words[0]):
            text, status = run_line(session, words[0])
            io.out(text)
        else:
            status = io.run(words)
    if stepping and session.stepper is not None:
        io.flush()
        session.stepper(session, stops(story, args))
    for line, _ in () if stepping else _lines(story, args):
        for piece in fitted(line, io.width):
            io.out(piece + "\n")
    if not story.steps and not status and _reaches_memory(words):
        mark = "" if args.brief else "# "
        for piece in fitted(f"{mark}no page fault: the pages are mapped, so the processor does it alone and the "
                            f"kernel does not run{'.' * args.brief}", io.width):  # fmt: skip
            io.out(piece + "\n")
    if words[0] == "free" and all(word.startswith("-") for word in words[1:]):  # the tool, not libc's
        io.out(free_formula(session))
    after = changes(before, state(box)) if session.box is box else []
    if not args.brief or after:
        io.out("changed:\n" if after else "changed: nothing in buddyinfo, slabinfo, meminfo, vmstat\n")
    shown = after if not args.brief else after[:6]
    io.out("".join(f"  {line}\n" for line in shown))
    if len(shown) < len(after):
        io.out(f"  and {len(after) - len(shown)} lines more (without -b)\n")
    return status


def _reaches_memory(words: list[str]) -> bool:
    """Whether the command is a load or a store of the current process (`read NAME` is the shell's)."""
    name, *operands = words if len(words) > 1 else words[0].split()
    return name in ("touch", "read", "write") and bool(operands) and is_digits(operands[0][:1])


def fitted(line: str, width: int) -> list[str]:
    """A line in as many as it needs, the others a little deeper."""
    if len(line) <= width:
        return [line]
    pad = line[: min(len(line) - len(line.lstrip()), width // 2)]
    return textwrap.wrap(line.lstrip(), width, initial_indent=pad, subsequent_indent=pad + "   ",
                         break_on_hyphens=False)  # fmt: skip


def stops(story: Recorder, args: Args) -> list[tuple[list[str], Picture]]:
    """What `--step` shows at each key: the lines up to a sentence or a tracepoint, and the box there."""
    pictures = story.pictures or []
    found: list[tuple[list[str], Picture]] = []
    lines: list[str] = []
    for line, at in _lines(story, args):
        lines.append(line)
        if at < len(pictures) and story.steps[at].kind != CALL:
            found.append((lines, pictures[at]))
            lines = []
    if lines and pictures:
        found.append((lines, picture(story.box)))
    return found


def _lines(story: Recorder, args: Args) -> Iterator[tuple[str, int]]:
    """The tree as function_graph draws it, with sentences (#) and tracepoints (*); beside each line its step."""
    limit = args.depth if args.depth is not None else 1 << 30
    steps, after = story.steps, len(story.steps)
    folded, upto = folds(steps), 0
    if args.brief:
        for at, step in enumerate(steps):
            if at in folded:
                upto = folded[at][0]
                yield f"({folded[at][1]})", at
            if at >= upto and step.kind not in (CALL, EVENT) and step.depth <= limit:
                yield step.text + ".", at
    else:
        opened: list[int] = []
        for at, step in enumerate(steps):
            if at in folded and step.depth < limit:
                upto = folded[at][0]
                while opened and opened[-1] >= step.depth:
                    yield "  " * opened.pop() + "}", after
                yield f"{'  ' * step.depth}/* {folded[at][1]} */", at
            if at < upto:
                continue
            if step.depth > limit or (step.kind == CALL and step.depth >= limit):
                continue
            while opened and opened[-1] >= step.depth:
                yield "  " * opened.pop() + "}", after
            pad = "  " * step.depth
            if step.kind == CALL and step.function is not None:
                inside = at + 1 < len(steps) and steps[at + 1].depth > step.depth and step.depth + 1 < limit
                yield f"{pad}{step.function.name}(){' {' if inside else ';'}  /* {step.function.file} */", at
                if inside:
                    opened.append(step.depth)
            elif step.kind == EVENT:
                yield f"{pad}/* {step.text} */", at
            else:
                yield f"{pad}# {step.text}", at
        while opened:
            yield "  " * opened.pop() + "}", after
    if story.full:
        yield f"(cut: {story.cut} tracepoints more; told are the first {story.calls} kernel calls)", after
        yield from ((f"# later: {text}", after) for text in story.late)


def free_formula(session: Session) -> str:
    """How procps-ng 4.0.2 comes to its columns, with this box's figures (kB)."""
    m = memory(session.reader)
    return (
        f"free (procps-ng 4.0.2) reads /proc/meminfo; all in kB:\n"
        f"  used = MemTotal - MemAvailable = {m.total} - {m.available} = {m.used}\n"
        f"  buff/cache = Buffers + (Cached + SReclaimable) = {m.buffers} + {m.cached} = {m.buffers + m.cached}\n"
        f"  free = MemFree = {m.free}; available = MemAvailable = {m.available}\n"
        "  so slab counts as cache where it can be reclaimed (SReclaimable), as used\n"
        "  where it cannot (SUnreclaim)\n"
    )


def side_by_side(left: list[str], right: list[str], width: int) -> str:
    """Two columns of text."""
    room = (width - 3) // 2
    columns = []
    for side in (left, right):
        columns.append([piece for line in side for piece in textwrap.wrap(line, room, subsequent_indent="  ") or [""]])
    rows = max(map(len, columns))
    for column in columns:
        column += [""] * (rows - len(column))
    return "".join(f"{a:<{room}} | {b}".rstrip() + "\n" for a, b in zip(*columns, strict=True))
