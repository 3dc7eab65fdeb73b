"""Here-documents: `<< END` takes the lines below, up to END (bash: parse.y, read_secondary_line)."""

from __future__ import annotations

from memsh.shell.syntax import Redirect
from memsh.shell.words import Words


class Heredocs(Words):
    """Keeps the documents that were begun until the line ends."""

    def __init__(self, text: str, first: int = 1) -> None:
        super().__init__(text, first)
        self.documents: list[tuple[Redirect, str, bool, int]] = []  # (where it goes, its end, END was quoted, where)

    def document(self, redirect: Redirect) -> None:
        """`<<` was read: what ends the document follows."""
        begun = self.pos
        word = self.word()
        raw = self.text[begun : self.pos]
        end = word if isinstance(word, str) else _unquoted(raw)
        self.documents.append((redirect, end, any(sign in raw for sign in "'\"\\"), begun))

    def newline(self) -> None:
        """Go behind a line's end (or the text's), and the documents that begin there."""
        if self.pos < self.size:
            self.pos += 1
        waiting, self.documents = self.documents, []
        for redirect, end, quoted, begun in waiting:
            self._read(redirect, end, quoted, begun)

    def _read(self, redirect: Redirect, end: str, quoted: bool, begun: int) -> None:
        text, strips = self.text, redirect.op == "<<-"
        lines: list[str] = []
        first = self.pos
        while True:
            if self.pos >= self.size:
                self.fault(f"<< is not finished: a line {end[:40]} is missing", begun, True)
            stop = text.find("\n", self.pos)
            line = text[self.pos : self.size if stop < 0 else stop]
            self.pos = self.size if stop < 0 else stop + 1
            if strips:
                line = line.lstrip("\t")
            if line == end and not (not quoted and lines and _goes_on(lines[-1])):
                break
            lines.append(line + "\n")
        body = "".join(lines)
        redirect.op = "<<"
        if quoted or not any(sign in body for sign in "$`\\"):
            redirect.target = body
            return
        inner = type(self)(body, self.line_of(first))
        inner.lenient = self.lenient
        redirect.target = inner.body()


def _goes_on(line: str) -> bool:
    return (len(line) - 1 - len(line[:-1].rstrip("\\"))) % 2 == 1


def _unquoted(raw: str) -> str:
    """END without its quotes."""
    out, quote, at = [], "", 0
    while at < len(raw):
        char = raw[at]
        if quote:
            if char == quote:
                quote = ""
            else:
                out.append(char)
        elif char in "'\"":
            quote = char
        elif char == "\\":
            at += 1
            out.append(raw[at : at + 1])
        elif not (char == "$" and raw[at + 1 : at + 2] in ("'", '"') and raw[at + 1 : at + 2]):
            out.append(char)
        at += 1
    return "".join(out)
