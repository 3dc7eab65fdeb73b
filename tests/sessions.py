"""Literate sessions: the console blocks of a Markdown file, and scripts with their recorded output.

`python -m tests.sessions --rewrite` runs every session again and writes down what it printed; the diff is reviewed.

In a Markdown file a block begins with ```console. A line `$ memsh ARGS` boots a box; lines after a prompt (`memsh> `,
`memsh(plain)> `; continued by `> `) are typed; all else is what came back, errors included. The commands of ```predict
blocks run too. memsh/lessons/README.md tells about lessons, whose first comment may name the machine.
"""

from __future__ import annotations

import io
import shlex
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from memsh.cli import open_session
from memsh.commands import reasons
from memsh.teach.lessonfile import FOLDER, MACHINE, PROMPT

ROOT = Path(__file__).parent.parent
LESSONS = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")
PAGES = sorted((FOLDER / "man").glob("*.md"))
MARKDOWN = [ROOT / "README.md", *LESSONS, *PAGES]
BEGIN, END = "<!-- commands: begin -->", "<!-- commands: end -->"
SCREENS = sorted((ROOT / "scripts" / "screens").glob("*.memsh"))
SCRIPTS = [ROOT / "scripts" / "demo.memsh"]


def typed_session(arguments: list[str]) -> tuple[object, io.StringIO]:
    """A session whose output and errors both go into one buffer, as on a screen."""
    screen = io.StringIO()
    session = open_session(arguments, stdout=screen, stderr=screen)
    reasons.tell(session)  # what a person is told
    return session, screen


class Player:
    """Plays the console blocks of one file, one box for all of them until the next `$ memsh`."""

    def __init__(self, options: list[str]) -> None:
        self.session, self.screen = typed_session(options)

    def prompt(self, written: str) -> str:
        """The prompt as it is now: plain or not."""
        plain = getattr(self.session.box, "plain", False)  # type: ignore[attr-defined]
        return written.replace("memsh> ", "memsh(plain)> ") if plain else written.replace("memsh(plain)> ", "memsh> ")

    def ask(self, block: list[str]) -> None:
        """The commands of a question; what they print is not in the text."""
        for line in block:
            match = PROMPT.match(line)
            if match:
                self.session.run(match[2])  # type: ignore[attr-defined]

    def play(self, block: list[str]) -> Iterator[str]:
        """The block as it should read: commands as they are, output as it is now."""
        place = 0
        while place < len(block):
            line = block[place]
            place += 1
            if line.startswith("$ memsh"):
                yield line
                self.session, self.screen = typed_session(shlex.split(line)[2:])
                continue
            match = PROMPT.match(line)
            if not match:
                continue  # old output
            text = match[2]
            yield self.prompt(match[1]) + text
            while place < len(block) and block[place].startswith("> "):
                text += "\n" + block[place][2:]
                yield block[place]
                place += 1
            self.screen.seek(0)
            self.screen.truncate()
            self.session.run(text)  # type: ignore[attr-defined]
            yield from self.screen.getvalue().splitlines()


def replay_markdown(text: str) -> str:
    """The file with every console block played."""
    player: Player | None = None
    options: list[str] = []
    out: list[str] = []
    block: list[str] | None = None
    kind = ""
    for line in text.split("\n"):
        if block is None:
            out.append(line)
            machine = MACHINE.match(line)
            if machine and player is None:
                options = shlex.split(machine[1])
            if line.strip() in ("```console", "```predict", "```quiz"):
                block, kind = [], line.strip()
        elif line.strip() == "```":
            player = player or Player(options)
            if kind == "```console":
                out.extend(player.play(block))
            else:
                player.ask(block)
                out.extend(block)
            out.append(line)
            block = None
        else:
            block.append(line)
    return "\n".join(out)


def replay_script(path: Path) -> str:
    """What `memsh -x FILE` prints, errors included."""
    from memsh.shell.script import run_script

    session, screen = typed_session([])
    session.reasons = None  # type: ignore[attr-defined]  # a script's
    run_script(session, path.read_text(encoding="utf-8"), path.name, echo=True)  # type: ignore[arg-type]
    return screen.getvalue()


def replay_screen(path: Path) -> str:
    """The screen that a script ends with, as `record FILE.svg` draws it."""
    session, _ = typed_session([])
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "screen.svg"
        session.run(f"record {picture}")  # type: ignore[attr-defined]
        for line in path.read_text(encoding="utf-8").splitlines():
            session.run(line)  # type: ignore[attr-defined]
        session.run("record stop")  # type: ignore[attr-defined]
        return picture.read_text(encoding="utf-8")


def with_command_table(text: str) -> str:
    """The README with the table of commands as the declarations have it."""
    from memsh.cli import open_session
    from memsh.shell.help import command_table

    open_session([], io.StringIO(), io.StringIO())  # what declares commands is loaded by it
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{command_table()}\n{END}{rest.partition(END)[2]}"


def recorded(path: Path) -> Path:
    return ROOT / "tests" / "scripts" / (path.stem + ".out")


def main() -> int:
    if sys.argv[1:] != ["--rewrite"]:
        print("usage: python -m tests.sessions --rewrite", file=sys.stderr)
        return 2
    for path in MARKDOWN:
        path.write_text(replay_markdown(path.read_text(encoding="utf-8")), encoding="utf-8")
    readme = ROOT / "README.md"
    readme.write_text(with_command_table(readme.read_text(encoding="utf-8")), encoding="utf-8")
    for path in SCREENS:
        path.with_suffix(".svg").write_text(replay_screen(path), encoding="utf-8")
    for path in SCRIPTS:
        recorded(path).parent.mkdir(exist_ok=True)
        recorded(path).write_text(replay_script(path), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
