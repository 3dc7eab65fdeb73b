"""`memsh handout LESSON -o FILE`: a lesson as one page, to read in a browser and to print, or as Markdown.

The commands run as in the lesson, and their output stands on the page as it is today. A question's answer is folded in
HTML; on paper there is a line to write on, and the answers stand at the end. The page needs nothing but itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape

from memsh.shell.errors import ShellError
from memsh.shell.visible import visible
from memsh.teach import hostfile
from memsh.teach.lessonfile import BOOT, COMMAND, PROSE, QUESTION, load
from memsh.teach.playing import Opener, Playing, Shown
from memsh.ui.fold import fitted
from memsh.ui.paint import pieces

WIDTH = 80
STYLE = """\
:root { color-scheme: light dark; }
body { max-width: 46em; margin: 2em auto; padding: 0 1em; font: 16px/1.5 system-ui, sans-serif; }
pre { background: #1e2227; color: #d4d4d4; padding: .8em 1em; border-radius: 6px; overflow-x: auto;
      font: 13px/1.35 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
pre b { color: #fff; } pre i { color: #8ccf7e; font-style: normal; }
pre .red { color: #f28b82; } pre .green { color: #8ccf7e; } pre .yellow { color: #e5c76b; }
pre .blue { color: #74a8fc; } pre .magenta { color: #c47fd5; } pre .cyan { color: #6cbfbf; }
pre .dim { color: #8a9099; } pre .bold { color: #fff; }
pre .reverse { background: #d4d4d4; color: #1e2227; }
.question { border-left: 4px solid #74a8fc; padding: .1em 1em; margin: 1em 0; }
details { margin: .5em 0; } summary { cursor: pointer; }
table { border-collapse: collapse; } td, th { border: 1px solid #888; padding: .2em .6em; text-align: left; }
.paper, #answers { display: none; }
@media print {
  body { max-width: none; margin: 0; font-size: 10.5pt; }
  pre { background: none; color: #000; border: 1px solid #999; white-space: pre-wrap; font-size: 8.5pt; }
  pre b, pre i, pre span { color: #000 !important; background: none !important; }
  pre, .question, h2, h3 { break-inside: avoid; } h2, h3 { break-after: avoid; }
  details { display: none; } .paper { display: block; } #answers { display: block; break-before: page; }
}
"""


def _colored(line: str) -> str:
    """One row of output as HTML."""
    parts = []
    for style, text in pieces(line):
        parts.append(f'<span class="{style}">{escape(text)}</span>' if style else escape(text))
    return "".join(parts)


def _session(shown: Shown) -> str:
    """A command and what it printed, as the inside of a <pre>."""
    typed = escape(visible(shown.step.text)).replace("\n", "\n&gt; ")
    rows = fitted(visible(shown.output).rstrip("\n").split("\n"), WIDTH, False) if shown.output else []
    return f"<i>{escape(shown.prompt)}</i><b>{typed}</b>\n" + "".join(_colored(row.text) + "\n" for row in rows)


def played(name: str, opener: Opener) -> tuple[Playing, list[Shown]]:
    """The lesson, played to its end with nobody answering. ShellError for a question that cannot be answered."""
    playing = Playing(load(name), opener, WIDTH)
    while playing.step is not None:
        shown = playing.forward()
        playing.kept.clear()
        if shown.step.kind == QUESTION and not shown.verdict.startswith("It is "):
            raise ShellError(shown.verdict, 2)
    return playing, playing.shown


def page(name: str, opener: Opener) -> str:
    """The whole page. ShellError if there is no such lesson."""
    playing, steps = played(name, opener)
    return "".join(_page(playing.lesson.title, steps))


def _page(title: str, steps: list[Shown]) -> Iterator[str]:
    from markdown_it import MarkdownIt  # start-up: 20 ms, for a handout that is made

    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    yield f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
    yield f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<style>\n{STYLE}</style>\n</head>\n'
    yield "<body>\n"
    answers: list[str] = []
    open_block = False
    for shown in steps:
        step = shown.step
        if open_block and step.kind != COMMAND:
            yield "</pre>\n"
            open_block = False
        if step.kind == PROSE:
            yield markdown.render(visible(step.text))
        elif step.kind == BOOT:
            yield f"<pre><i>$ </i><b>memsh {escape(step.text)}</b>\n"
            open_block = True
        elif step.kind == COMMAND:
            yield ("" if open_block else "<pre>") + _session(shown)
            open_block = True
        else:
            answers.append(shown.verdict.removeprefix("It is ").removesuffix("."))
            yield f'<div class="question">\n{markdown.render(f"**Question {len(answers)}.** " + visible(step.ask))}'
            yield f"<details><summary>the answer</summary>{escape(visible(shown.verdict))}</details>\n"
            yield '<p class="paper">Answer: ______________________</p>\n</div>\n'
            if step.text:
                yield f"<pre>{_session(shown)}</pre>\n"
    yield "</pre>\n" if open_block else ""
    if answers:
        yield '<section id="answers">\n<h2>Answers</h2>\n<ol>\n'
        yield "".join(f"<li>{escape(visible(answer))}</li>\n" for answer in answers)
        yield "</ol>\n</section>\n"
    yield "</body>\n</html>\n"


def markdown_page(name: str, opener: Opener) -> str:
    """The lesson as Markdown, with output as it is today and answers folded."""
    _, steps = played(name, opener)
    parts: list[str] = ["<!-- memsh handout -->"]
    block: list[str] = []

    def settle() -> None:
        if block:
            parts.append("```console\n" + "".join(block) + "```\n")
            block.clear()

    for shown in steps:
        step = shown.step
        typed = shown.prompt + step.text.replace("\n", "\n> ") + "\n" + shown.output
        if step.kind == COMMAND:
            block.append(typed)
        elif step.kind == BOOT:
            block.append(f"$ memsh {step.text}\n")
        else:
            settle()
            if step.kind == PROSE:
                parts.append(step.text + "\n")
                continue
            parts.append(f"**Question.** {step.ask}\n\n<details><summary>the answer</summary>\n\n{shown.verdict}\n\n"
                         "</details>\n")  # fmt: skip
            if step.text:
                block.append(typed)
    settle()
    return "\n".join(parts)


def handout(words: list[str], target: str, force: bool, opener: Opener, write: Callable[[str], object]) -> int:
    """What `memsh handout LESSON -o FILE.html` does; without -o the page is printed."""
    if len(words) != 1:
        raise ShellError("handout: give a lesson (usage: memsh handout LESSON [-o FILE.html|FILE.md] [-f])", 2)
    if target and not target.endswith((".html", ".md")):
        raise ShellError(f"handout: {target}: the name of a page ends in .html or .md", 2)
    as_markdown = target.endswith(".md")
    text = markdown_page(words[0], opener) if as_markdown else page(words[0], opener)
    if not target:
        write(text)
        return 0
    try:
        hostfile.write(target, text, "markdown" if as_markdown else "page", force)
    except OSError as error:
        raise ShellError(f"handout: {target}: {error.strerror}") from None
    write(f"{target}: {len(text.encode('utf-8', 'surrogateescape'))} bytes\n")
    return 0
