"""Here-documents: `<< END` takes the lines below, up to END (bash: parse.y, read_secondary_line)."""

from __future__ import annotations

from collections.abc import Callable

from memsh.shell.escapes import ansi_c
from memsh.shell.syntax import Redirect
from memsh.shell.words import Words


class Heredocs(Words):
    """Keeps the documents that were begun until the line ends.

    `within`: how many `$( … )` are open; `warns` hears of a document that the text's end has ended.
    """

    within = 0

    def __init__(self, text: str, first: int = 1) -> None:
        super().__init__(text, first)
        self.warns: Callable[[str], None] = lambda text: None
        self.documents: list[tuple[Redirect, str, bool, int]] = []  # (where it goes, its end, END was quoted, where)

    def lend(self, inner: Heredocs) -> None:
        """Another reader reads a part of this text."""
        inner.lenient, inner.extended, inner.posix = self.lenient, self.extended, self.posix
        inner.warns = self.warns

    def document(self, redirect: Redirect) -> None:
        """`<<` was read: what ends the document follows. Nothing in it is expanded."""
        begun = self.pos
        self.word()
        raw = self.text[begun : self.pos]
        end = _unquoted(raw)
        if redirect.op == "<<-":
            end = end.lstrip("\t")
        self.documents.append((redirect, end, any(sign in raw for sign in "'\"\\"), begun))

    def newline(self) -> None:
        """Go behind a line's end (or the text's), and the documents that begin there."""
        if self.pos < self.size:
            self.pos += 1
        waiting, self.documents = self.documents, []
        for redirect, end, quoted, begun in waiting:
            self._read(redirect, end, quoted, begun)

    def _read(self, redirect: Redirect, end: str, quoted: bool, begun: int) -> None:
        strips = redirect.op == "<<-"
        lines: list[str] = []
        first = self.pos
        while True:
            if self.pos >= self.size:
                self._unfinished(end, begun)
                break
            at = self.pos
            line = self._document_line(quoted)
            if strips:
                line = line.lstrip("\t")
            if line == end:
                break
            if self.within and line.startswith(end) and ")" in line[len(end) :]:  # as bash takes it: $(cat << END…END)
                self.pos = self.text.index(end, at) + len(end)
                self._unfinished(end, begun)
                break
            lines.append(line + "\n")
        body = "".join(lines)
        redirect.op = "<<"
        if quoted or not any(sign in body for sign in "$`\\"):
            redirect.target = body
            return
        inner = type(self)(body, self.line_of(first))
        self.lend(inner)
        redirect.target = inner.body()

    def _document_line(self, quoted: bool) -> str:
        """The next line, without its end; with the following ones if it ends with a \\ and END was not quoted."""
        whole = ""
        while True:
            stop = self.text.find("\n", self.pos)
            stop = self.size if stop < 0 else stop
            whole += self.text[self.pos : stop]
            self.pos = min(stop + 1, self.size)
            if quoted or stop >= self.size or not _goes_on(whole):
                return whole
            whole = whole[:-1]

    def _unfinished(self, end: str, begun: int) -> None:
        """The text ends before the document does: in a script that is its end too, and worth a word."""
        if not self.lenient:
            self.fault(f"<< is not finished: a line {end[:40]} is missing", begun, True)
        line, last = self.line_of(begun), self.line_of(self.size - 1)
        self.warns(f"line {last}: warning: here-document at line {line} delimited by end-of-file (wanted `{end}')")


def _goes_on(line: str) -> bool:
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def _unquoted(raw: str) -> str:
    """END without its quotes."""
    out, quote, at = [], "", 0
    while at < len(raw):
        char, following = raw[at], raw[at + 1 : at + 2]
        if quote == "'" and char != "'":
            out.append(char)
        elif char == quote:
            quote = ""
        elif char == "\\" and following == "\n":
            at += 1
        elif char == "\\" and (not quote or following in '$`"\\'):
            at += 1
            out.append(following)
        elif not quote and char in "'\"":
            quote = char
        elif not quote and char == "$" and following == "'":
            end = raw.find("'", at + 2)
            out.append(ansi_c(raw[at + 2 : end]))
            at = end
        elif quote or char != "$" or following != '"':
            out.append(char)
        at += 1
    return "".join(out)
