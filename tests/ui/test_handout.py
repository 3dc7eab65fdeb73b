"""Pages and pictures: the text on them is the session's, nothing in them is obeyed, and they need nothing else."""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from memsh.cli import main, open_session
from memsh.teach.lessonfile import COMMAND, load, names
from memsh.teach.playing import Playing
from memsh.ui.fold import fitted
from memsh.ui.handout import page
from memsh.ui.paint import pieces, spans
from memsh.ui.svg import screen


class Reader(HTMLParser):
    """What a browser shows: the text of each <pre>, of <details>, and every tag."""

    def __init__(self) -> None:
        super().__init__()
        self.inside: list[str] = []
        self.pre: list[str] = []
        self.details: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "meta":
            return
        self.inside.append(tag)
        if tag in ("pre", "details"):
            (self.pre if tag == "pre" else self.details).append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.inside.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        for tag, found in (("pre", self.pre), ("details", self.details)):
            if tag in self.inside:
                found[-1] += data


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    assert reader.inside == []
    return reader


@pytest.mark.parametrize("name", ["article", "slab", "oom", "zones"])
def test_the_text_of_a_page_is_the_sessions(name: str) -> None:
    reader = read(page(name, open_session))
    playing = Playing(load(name), open_session, 80)
    wanted = []
    while playing.step is not None:
        shown = playing.forward()
        playing.kept.clear()
        if shown.step.kind == COMMAND:
            rows = fitted(shown.output.rstrip("\n").split("\n"), 80, False) if shown.output else []
            typed = shown.prompt + shown.step.text.replace("\n", "\n> ")
            wanted.append(typed + "\n" + "".join(row.text + "\n" for row in rows))
    whole = "".join(reader.pre)
    at = 0
    for text in wanted:
        found = whole.find(text, at)
        assert found >= 0, text
        at = found + len(text)
    questions = sum(step.kind == "question" for step in load(name).steps)
    assert len(reader.details) == questions and all("It is " in one for one in reader.details)


def test_a_page_needs_nothing_else_and_obeys_nothing(tmp_path: Path) -> None:
    lesson = tmp_path / "bad.md"
    lesson.write_text(
        "# T <script>alert(1)</script>\n\nA [link](javascript:alert(1)). <img src=x onerror=alert(1)>\n\n"
        "```console\nmemsh> echo '<b>' $(printf '\\033]0;x\\007')\n```\n"
    )
    reader = read(page(str(lesson), open_session))
    names_of = {tag for tag, _ in reader.tags}
    assert not names_of & {"script", "img", "link", "iframe", "object"}
    assert not any(key.startswith("on") or key in ("src", "href") for _, attrs in reader.tags for key in attrs)
    assert "<b> ^[]0;x^G" in "".join(reader.pre) or "<b>" in "".join(reader.pre)
    text = page(str(lesson), open_session)
    assert "\x1b" not in text and "url(" not in text and "http" not in text


def test_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    html, markdown, other = tmp_path / "a.html", tmp_path / "a.md", tmp_path / "other.md"
    other.write_text("# mine\n")
    assert main(["handout", "zones", "-o", str(html)]) == 0 == main(["handout", "zones", "-o", str(markdown)])
    assert html.read_text().startswith("<!doctype html>") and "the answer</summary>It is 0." in html.read_text()
    assert "```console\nmemsh> " in markdown.read_text() and "<details><summary>the answer" in markdown.read_text()
    assert main(["handout", "zones", "-o", str(html)]) == 1 and main(["handout", "zones", "-o", str(html), "-f"]) == 0
    assert main(["handout", "zones", "-o", str(other), "-f"]) == 1 and other.read_text() == "# mine\n"
    assert main(["handout"]) == 2 == main(["handout", "zones", "-o", "x.pdf"])
    capsys.readouterr()
    assert main(["handout", "zones"]) == 0 and capsys.readouterr().out == html.read_text()


PICTURES = "physmap; physmap Normal; physmap 0x1800; slab kmalloc-64; vmmap; frag; buddy Normal; zones"


def test_colour_changes_no_picture_and_marks_have_their_style() -> None:
    out = io.StringIO()
    open_session(["--ram", "256M"], out, out).run("touch $(mmap 20M rw) 20M; " + PICTURES)
    seen: dict[str, set[str]] = {}
    for line in out.getvalue().split("\n"):
        assert "".join(text for _, text in pieces(line)) == line
        row = re.match(r" {2,7}0x[0-9a-f]+ {1,2}\|?([·A-Za-z■○]{8,})", line)
        for at in range(*row.span(1)) if row else ():
            style = next((span.style for span in spans(line) if span.start <= at < span.end), "")
            seen.setdefault(line[at].lower(), set()).add(style)
    assert seen["·"] == {"dim"} and seen["u"] == {"green"} and seen["s"] == {"magenta"} and seen["r"] == {"red"}
    assert seen["■"] == {"green"} and seen["○"] == {"yellow"}
    legend = next(line for line in out.getvalue().split("\n") if line.startswith("· free"))
    assert [legend[one.start] for one in spans(legend)][:3] == ["·", "u", "f"]


def test_a_picture_is_a_screen(tmp_path: Path) -> None:
    out = io.StringIO()
    session = open_session(["--ram", "64M"], out, out)
    path = tmp_path / "x.svg"
    session.run(f"record {path}")
    session.run("cat /proc/buddyinfo")
    session.run("echo '<&>'")
    session.run("record stop")
    root = ElementTree.fromstring(path.read_text())
    rows: dict[str, str] = {}
    for text in root.iter("{http://www.w3.org/2000/svg}text"):
        places = text.attrib["x"].split()
        assert text.text is not None and len(places) == len(text.text)
        assert float(places[-1]) < float(root.attrib["width"])
        rows[text.attrib["y"]] = rows.get(text.attrib["y"], "") + text.text
    shown = ["".join(row.split()) for row in rows.values()]
    assert shown[0] == "memsh>cat/proc/buddyinfo" and shown[-1] == "<&>" and shown[1].startswith("Node0,zoneDMA")
    assert session.run(f"record {path}; record stop") == 1  # it is there
    assert session.run(f"record -f {path}; record stop") == 0


def test_the_last_rows_are_kept_and_escapes_are_not() -> None:
    text = screen("".join(f"row {at}\n" for at in range(50)) + "\x1b[31mred\x1b[0m\n", 80, 24)
    assert "row 26<" not in text and "row 27<" in text and "\x1b" not in text and ">red<" in text


def test_every_lesson_has_a_page() -> None:
    assert all(page(name, open_session).endswith("</html>\n") for name in names()[:3])
