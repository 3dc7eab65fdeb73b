"""Text → tokens. A simple command is one token, so that the grammar sees only how commands are put together.

Quotes, `$…`, redirections and assignments are settled here; `$( … )` calls the parser for what is inside.
Known deviations from a POSIX shell: no here-documents, no backquotes, no functions and no `case`; each is refused in
words.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from memsh.shell.errors import Incomplete, SyntaxFault
from memsh.shell.syntax import AnyWord, Node, Part, Redirect, Simple, Word

RESERVED = {
    "if": "IF", "then": "THEN", "elif": "ELIF", "else": "ELSE", "fi": "FI", "for": "FOR", "while": "WHILE",
    "until": "UNTIL", "do": "DO", "done": "DONE", "{": "LBRACE", "}": "RBRACE", "!": "BANG",
}  # fmt: skip
OPERATORS = {"&&": "AND", "||": "OR", "|": "PIPE", ";": "SEMI", "&": "AMP", "(": "LPAR", ")": "RPAR"}
UNSUPPORTED = {
    "case": "use if … elif … fi",
    "function": "put the lines into a file and use source FILE",
    "select": "use for",
}
AFTER_CLOSE = {"FI", "DONE", "RBRACE", "RPAR"}  # only redirections, separators and operators may follow

_BLANK = re.compile(r"(?:[ \t\r]|\\\n)*")
_PLAIN = re.compile(r"[^ \t\r\n|&;<>()$`\"'\\#*?\[{}!][^ \t\r\n|&;<>()$`\"'\\*?\[]*(?=[ \t\r\n|&;()]|\Z)")
_PIECE = re.compile(r"[^ \t\r\n|&;<>()$`\"'\\]+")
_OPERATOR = re.compile(r"&&|\|\||\|!|[|;&()]")
_REDIRECT = re.compile(r"([0-9]?)(>>|>&|>|<<|<&|<)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ASSIGN = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]+|\?")
_DOUBLE = re.compile(r"[^\"$\\`]+")
_GLOB = re.compile(r"[*?]|\[[^\]]+\]")
_COMMENT = re.compile(r"#[^\n]*")


class Token:
    """`type` is the grammar's terminal; `value` what it carries. lark copies the class's constants into its end."""

    __slots__ = ("line", "pos", "type", "value")
    start_pos = end_pos = column = end_line = end_column = 0

    def __init__(self, type: str, value: object, line: int, pos: int) -> None:
        self.type = type
        self.value = value
        self.line = line
        self.pos = pos


class Lexer:
    """One text, whose first line has number `first`. `parse` turns the tokens of a nested `$( … )` into a node."""

    def __init__(self, text: str, parse: Callable[[Lexer, list[Token]], Node], first: int = 1) -> None:
        self.text = text
        self.parse = parse
        self.line = self.first = first

    def column(self, pos: int) -> int:
        return pos - self.text.rfind("\n", 0, pos)

    def line_of(self, pos: int) -> int:
        return self.text.count("\n", 0, pos) + self.first

    def fault(self, message: str, pos: int, incomplete: bool = False) -> SyntaxFault:
        return (Incomplete if incomplete else SyntaxFault)(message, self.line_of(pos), self.column(pos))

    def tokens(self, pos: int = 0, nested: int | None = None) -> tuple[list[Token], int]:
        """All tokens from `pos`, up to the end or, for a nested text that `$(` at offset `nested` opened, its `)`."""
        text, size = self.text, len(self.text)
        found: list[Token] = []
        command = True  # the next word would be a command's name
        depth = 0
        while True:
            pos = _BLANK.match(text, pos).end()  # type: ignore[union-attr]
            if pos >= size:
                if nested is not None:
                    raise self.fault("$( is never closed with )", nested, True)
                found.append(Token("NL", None, self.line, size))
                return found, size
            char = text[pos]
            if char == "\n":
                found.append(Token("NL", None, self.line, pos))
                self.line += 1
                pos += 1
                command = True
            elif char == "#":
                pos = _COMMENT.match(text, pos).end()  # type: ignore[union-attr]
            elif char in "|&;()":
                operator = _OPERATOR.match(text, pos)[0]  # type: ignore[index]
                if operator == ")" and nested is not None and not depth:
                    found.append(Token("NL", None, self.line, pos))
                    return found, pos + 1
                if operator == "|!":
                    pos = self._host(found, pos)
                    continue
                depth += (char == "(") - (char == ")")
                found.append(Token(OPERATORS[operator], operator, self.line, pos))
                pos += len(operator)
                command = operator != ")"
            else:
                pos, command = self._words(found, pos, command)

    def _host(self, found: list[Token], pos: int) -> int:
        """`|! HOSTCOMMAND` takes the rest of the line as it is."""
        end = self.text.find("\n", pos)
        end = len(self.text) if end < 0 else end
        found.append(Token("HOST", self.text[pos + 2 : end].strip(), self.line, pos))
        return end

    def _words(self, found: list[Token], pos: int, command: bool) -> tuple[int, bool]:
        """A reserved word, or a whole simple command. Answers where it ends and whether a command may follow."""
        text = self.text
        if command:
            match = _PLAIN.match(text, pos)
            word = match[0] if match else text[pos] if _PIECE_END.match(text, pos + 1) else ""
            kind = RESERVED.get(word)
            if kind is not None:
                found.append(Token(kind, word, self.line, pos))
                if kind != "FOR":
                    return pos + len(word), kind not in AFTER_CLOSE
                return self._for(found, pos + len(word)), True
            if word in UNSUPPORTED:
                raise self.fault(f"there is no {word} in this shell: {UNSUPPORTED[word]}", pos)
        simple = Simple(self.line, pos)
        line, start = self.line, pos
        pos = self._simple(simple, pos)
        found.append(Token("SIMPLE", simple, line, start))
        return pos, False

    def _for(self, found: list[Token], pos: int) -> int:
        """`for` is followed by its words as one token; the grammar's action looks at them."""
        pos = _BLANK.match(self.text, pos).end()  # type: ignore[union-attr]
        words: list[AnyWord] = []
        start = pos
        while pos < len(self.text) and self.text[pos] not in "\n;|&<>()#":
            word, pos = self._word(pos)
            words.append(word)
            pos = _BLANK.match(self.text, pos).end()  # type: ignore[union-attr]
        found.append(Token("WORDS", words, self.line, start))
        return pos

    def _simple(self, simple: Simple, pos: int) -> int:
        """Words, assignments and redirections up to an operator, a newline or the end."""
        text, size, words = self.text, len(self.text), simple.words
        while True:
            match = _PLAIN.match(text, pos)
            if match is not None:
                word: AnyWord = match[0]
                pos = match.end()
                if words or "=" not in match[0] or not self._assign(simple, word):
                    words.append(word)
            else:
                if pos >= size:
                    return pos
                char = text[pos]
                if char in "\n|&;()":
                    return pos
                if char in " \t\r" or text.startswith("\\\n", pos):
                    self.line += text.count("\n", pos, (pos := _BLANK.match(text, pos).end()))  # type: ignore[union-attr]
                    continue
                if char == "#" and (pos == simple.pos or text[pos - 1] in " \t\r\n"):
                    return _COMMENT.match(text, pos).end()  # type: ignore[union-attr]
                redirect = _REDIRECT.match(text, pos)
                if redirect is not None:
                    pos = self._redirect(simple, redirect)
                    continue
                word, pos = self._word(pos)
                if words or not self._assign(simple, word):
                    words.append(word)

    def _assign(self, simple: Simple, word: AnyWord) -> bool:
        """`name=value` before the command's name: take it as an assignment."""
        first = word if isinstance(word, str) else word.parts[0][1] if word.parts[0][::2] == ("text", False) else ""
        match = _ASSIGN.match(first)
        if match is None:
            return False
        value: AnyWord = first[match.end() :]
        if isinstance(word, Word):
            head: list[Part] = [("text", value, False)] if value else []
            value = Word(head + word.parts[1:])
        if simple.assigns is None:
            simple.assigns = []
        simple.assigns.append((match[1], value))
        return True

    def _redirect(self, simple: Simple, match: re.Match[str]) -> int:
        number, operator = match.groups()
        if operator in ("<<", "<&"):
            raise self.fault("there are no here-documents in this shell: use echo … | COMMAND", match.start())
        pos = _BLANK.match(self.text, match.end()).end()  # type: ignore[union-attr]
        if pos >= len(self.text) or self.text[pos] in "\n|&;()<>":
            raise self.fault(f"{match[0]} needs the name of a file", match.start())
        target, pos = self._word(pos)
        if simple.redirects is None:
            simple.redirects = []
        simple.redirects.append(Redirect(int(number) if number else 0 if operator == "<" else 1, operator, target))
        return pos

    def _word(self, pos: int) -> tuple[AnyWord, int]:
        """One word with whatever quotes and `$` stand in it."""
        text, size = self.text, len(self.text)
        parts: list[Part] = []
        globs, start = False, pos
        while pos < size:
            char = text[pos]
            match = _PIECE.match(text, pos)
            if match is not None:
                parts.append(("text", match[0], False))
                globs = globs or _GLOB.search(match[0]) is not None
                pos = match.end()
            elif char == "'":
                end = text.find("'", pos + 1)
                if end < 0:
                    raise self.fault("the quote ' is never closed", pos, True)
                parts.append(("text", text[pos + 1 : end], True))
                self.line += text.count("\n", pos, end)
                pos = end + 1
            elif char == '"':
                pos = self._double(parts, pos)
            elif char == "\\":
                if pos + 1 >= size:
                    raise self.fault("a \\ at the end has nothing to quote", pos, True)
                if text[pos + 1] == "\n":
                    self.line += 1
                else:
                    parts.append(("text", text[pos + 1], True))
                pos += 2
            elif char == "$":
                pos = self._dollar(parts, pos, False, pos == start)
            elif char == "`":
                raise self.fault("there are no backquotes in this shell: use $(…)", pos)
            else:
                break
        if len(parts) == 1 and parts[0][0] == "text" and not globs:
            return parts[0][1], pos
        return Word(parts or [("text", "", True)], globs), pos

    def _double(self, parts: list[Part], pos: int) -> int:
        """`"…"`: only $ and \\ mean something inside."""
        text, size, opened = self.text, len(self.text), pos
        parts.append(("text", "", True))  # "" is a word, though an empty one
        pos += 1
        while pos < size:
            char = text[pos]
            match = _DOUBLE.match(text, pos)
            if match is not None:
                parts.append(("text", match[0], True))
                self.line += match[0].count("\n")
                pos = match.end()
            elif char == '"':
                return pos + 1
            elif char == "$":
                pos = self._dollar(parts, pos, True, False)
            elif char == "\\" and pos + 1 < size:
                following = text[pos + 1]
                if following == "\n":
                    self.line += 1
                else:
                    parts.append(("text", following if following in '$`"\\' else "\\" + following, True))
                pos += 2
            elif char == "`":
                raise self.fault("there are no backquotes in this shell: use $(…)", pos)
            else:
                break
        raise self.fault('the quote " is never closed', opened, True)

    def _dollar(self, parts: list[Part], pos: int, quoted: bool, first: bool) -> int:
        """What follows a `$`: a name, a number, `?`, `{…}`, `(…)`, `((…))`, or nothing (the last value)."""
        text = self.text
        if text.startswith("$((", pos):
            return self._sum(parts, pos, quoted)
        if text.startswith("$(", pos):
            tokens, end = self.tokens(pos + 2, nested=pos)
            parts.append(("run", self.parse(self, tokens), quoted))
            return end
        if text.startswith("${", pos):
            match = _VARIABLE.match(text, pos + 2)
            if match is None or text[match.end() : match.end() + 1] != "}":
                closed = "}" in text[pos:]
                raise self.fault("${ needs a name and } (only ${name} is known here)", pos, not closed)
            parts.append(("var", match[0], quoted))
            return match.end() + 1
        match = _VARIABLE.match(text, pos + 1)
        if match is not None:
            parts.append(("var", match[0], quoted))
            return match.end()
        if first and (pos + 1 >= len(text) or text[pos + 1] in " \t\r\n|&;<>()+-"):
            parts.append(("var", "", quoted))
        else:
            parts.append(("text", "$", True))
        return pos + 1

    def _sum(self, parts: list[Part], pos: int, quoted: bool) -> int:
        """`$(( … ))`: text up to the matching `))`, with the variables and commands in it as parts."""
        text, size, opened = self.text, len(self.text), pos
        inner: list[Part] = []
        depth = 0
        pos += 3
        while pos < size:
            char = text[pos]
            if char == "$":
                pos = self._dollar(inner, pos, True, text[pos - 1] in " (+-*/%")
                continue
            if char == ")" and not depth:
                if text.startswith("))", pos):
                    parts.append(("sum", inner, quoted))
                    return pos + 2
                break
            depth += (char == "(") - (char == ")")
            self.line += char == "\n"
            inner.append(("text", char, True))
            pos += 1
        raise self.fault("$(( is never closed with ))", opened, pos >= size)


_PIECE_END = re.compile(r"[ \t\r\n|&;()]|\Z")
