"""awk's text cut into tokens (IEEE Std 1003.1, awk, "Lexical Conventions"; gawk's awkgram.y, yylex)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple, NoReturn

from memsh.shell import ShellError
from memsh.textutils.quoting import C_ESCAPES

_KEYWORDS = """BEGIN BEGINFILE END ENDFILE break case continue default delete do else exit for function getline if in
 next nextfile print printf return switch while"""
_BUILTINS = """and asort asorti atan2 bindtextdomain close compl cos dcgettext dcngettext exp fflush gensub gsub index
 int isarray length log lshift match mkbool mktime or patsplit rand rshift sin split sprintf sqrt srand strftime
 strtonum sub substr system systime tolower toupper typeof xor"""
EACH = 256  # tokens between two looks for Ctrl-C
KEYWORDS, BUILTINS = frozenset(_KEYWORDS.split()), frozenset(_BUILTINS.split())
DIRECTIVES = ("include", "load", "namespace")
_TOKEN = re.compile(
    r"(?P<blank>(?:[ \t\r]|\\\r?\n)+|\#[^\n]*)|(?P<newline>\n)"
    r"|(?P<number>0[xX][0-9a-fA-F]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*(?:::[A-Za-z_][A-Za-z0-9_]*)*)"
    r"|(?P<mark>\*\*=|\*\*|\+\+|--|&&|\|\||[-+*/%^!<>=]=|!~|>>|\|&|[-{}()\[\];,+*/%^!><|?:~$=@])"
)
_ESCAPE = re.compile(r"\\(?:([0-7]{1,3})|x([0-9a-fA-F]{1,2})|(\r?\n)|(.))", re.DOTALL)
_CONTROL = {**C_ESCAPES, "\\": "\\", '"': '"', "/": "/"}
_OPERANDS = frozenset(["number", "string", "name", "builtin", ")", "]", "++", "--"])


_PLAIN = frozenset("89")
_ODD = frozenset(" !\"#%&,:;=@_~ACDEFGHIJKLMNOPQRTUVXYZcdeghijklmopquz") | _PLAIN
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def odd_escapes(pattern: str, told: set[str]) -> Iterator[str]:
    """What gawk warns of in a regular expression, once a run: escapes that mean nothing there (re.c, make_regexp)."""
    for char in _ESCAPED.findall(pattern):
        if char in _ODD and char not in told:
            told.add(char)
            what = f"treated as plain `{char}'" if char in _PLAIN else "is not a known regexp operator"
            yield f"regexp escape sequence `\\{char}' {what}"


class Token(NamedTuple):
    """`kind` is number, string, ere, name, called (a name with its parenthesis), builtin, newline, end, or the word or
    mark itself; `at` is where in the program it begins."""

    kind: str
    text: str
    line: int
    at: int


class AwkError(ShellError):
    """A program that is none: `awk: cmd. line:3: …`, status 1. `gnu`: gawk's words for it, and `at` where it shows the
    fault with a mark below the line; None where it does not."""

    def __init__(
        self, where: str, line: int, message: str, status: int = 1, gnu: str = "", at: int | None = None
    ) -> None:
        super().__init__(f"{where}:{line}: {message}", status)
        self.where, self.line, self.gnu, self.at = where, line, gnu or message, at

    def by_gawk(self, text: str) -> ShellError:
        """The same as gawk tells it (awkgram.y, yyerror)."""
        line, message, at = self.line, self.gnu, self.at
        if at is None:
            return ShellError(f"{self.where}:{line}: {message}", self.status)
        ended = at >= len(text)
        if text[at : at + 1] in ("\n", ""):
            message = "unexpected newline or end of string"
        begin = text.rfind("\n", 0, at) + 1
        shown = text[begin:].partition("\n")[0]
        line = text.count("\n", 0, at) + 1 + (not ended and text[at] == "\n")
        mark = re.sub(r"[^\t]", " ", text[begin:at])
        hidden = shown.rfind("#")  # an end within a comment
        if ended and (text.endswith("\n") or (hidden >= 0 and shown.count('"', 0, hidden) % 2 == 0)):
            shown, mark = "(END OF FILE)", " " * (hidden if not text.endswith("\n") else 0)
            message = "source files / command-line arguments must contain complete functions or rules"
            line -= text.endswith("\n")
        return ShellError(f"{self.where}:{line}: {shown}\ngawk: {self.where}:{line}: {mark}^ {message}", self.status)


class Lexer:
    """The tokens of one program. `where` is "cmd. line" or the file's name; warnings are for standard error."""

    def __init__(self, text: str, where: str, heed: Callable[[], None] = lambda: None) -> None:
        self.text = text
        self.heed = heed  # Ctrl-C, now and then
        self.where = where
        self.line = 1
        self.warnings: list[str] = []
        self.namespace = "awk"

    def wrong(self, message: str, gnu: str, at: int) -> NoReturn:
        raise AwkError(self.where, self.line, message, 1, gnu, at)

    def tokens(self) -> list[Token]:
        found: list[Token] = []
        text, place, size = self.text, 0, len(self.text)
        while place < size:
            if not len(found) % EACH:
                self.heed()
            char, begin = text[place], place
            if char == '"':
                start = self.line
                value, place = self._string(place + 1)
                if [(token.kind, token.text) for token in found[-2:]] == [("@", "@"), ("name", "namespace")]:
                    self._enter(value)
                found.append(Token("string", value, start, begin))
                continue
            if char == "/" and (not found or found[-1].kind not in _OPERANDS):
                value, place = self._ere(place + 1)
                found.append(Token("ere", value, self.line, begin))
                continue
            match = _TOKEN.match(text, place)
            if match is None:
                odd = "Unexpected token" if char.isprintable() else f"invalid char '{ord(char):#o}'"
                self.wrong(odd, f"invalid char '{char}' in expression", place)
            place = match.end()
            if match.lastgroup != "blank":
                plain = bool(found) and found[-1].kind == "@" and match[0] in DIRECTIVES
                found.append(self._token(match.lastgroup or "", match[0], place, begin, plain))
            self.line += match[0].count("\n")
        found += [Token("newline", "\n", self.line, size), Token("end", "", self.line, size)]
        return found

    def _refuse(self, message: str) -> NoReturn:
        raise AwkError(self.where, self.line, f"error: {message}")

    def _enter(self, name: str) -> None:
        """@namespace: where the names that follow are."""
        if not name.isidentifier() or not name.isascii():
            self._refuse(f"namespace name `{name}' must meet identifier naming rules")
        if name in KEYWORDS or name in BUILTINS:
            self._refuse(f"using reserved identifier `{name}' as a namespace is not allowed")
        self.namespace = name

    def _qualified(self, word: str) -> str:
        """A name with its namespace, of which `awk` goes without saying; names in capitals are in that one."""
        space, mark, name = word.partition("::")
        if not mark:
            capitals = word.isalpha() and word.isupper()
            return word if self.namespace == "awk" or capitals else f"{self.namespace}::{word}"
        if "::" in name:
            self._refuse(f"identifier `{word}': namespace separator can only appear once in a qualified name")
        for part, what in ((space, "a namespace"), (name, "second component of a qualified name")):
            if part in KEYWORDS or part in BUILTINS:
                self._refuse(f"using reserved identifier `{part}' as {what} is not allowed")
        return name if space == "awk" or (name.isalpha() and name.isupper()) else word

    def _token(self, group: str, word: str, end: int, at: int, plain: bool = False) -> Token:
        if group == "newline" or group == "number":
            return Token(group, word, self.line, at)
        if group == "mark":
            return Token({"**": "^", "**=": "^="}.get(word, word), word, self.line, at)
        if word == "func":
            word = "function"
        if word in KEYWORDS:
            return Token(word, word, self.line, at)
        if word in BUILTINS:
            return Token("builtin", word, self.line, at)
        word = word if plain else self._qualified(word)
        return Token("called" if self.text.startswith("(", end) else "name", word, self.line, at)

    def _string(self, place: int) -> tuple[str, int]:
        end = place
        while end < len(self.text) and self.text[end] != '"':
            if self.text[end] == "\n":
                self.wrong("Unterminated string", "unterminated string", place - 1)
            end += 1 if self.text[end] != "\\" else 3 if self.text.startswith("\r\n", end + 1) else 2
        if end >= len(self.text):
            self.wrong("Unterminated string", "unterminated string", place - 1)
        raw = self.text[place:end]
        value = self.unescape(raw)
        self.line += raw.count("\n")
        return value, end + 1

    def unescape(self, raw: str) -> str:
        """A string's text with its escapes understood; one that means nothing is warned about, as gawk does."""

        def one(match: re.Match[str]) -> str:
            octal, hexadecimal, newline, char = match.groups()
            if char == "x":
                self.warnings.append(f"{self.where}:{self.line}: warning: no hex digits in `\\x' escape sequence")
                return "x"
            if octal:
                return chr(int(octal, 8) & 0xFF)
            if hexadecimal:
                return chr(int(hexadecimal, 16))
            if newline:
                return ""
            if char not in _CONTROL:
                self.warnings.append(
                    f"{self.where}:{self.line}: warning: escape sequence `\\{char}' treated as plain `{char}'"
                )  # fmt: skip
            return _CONTROL.get(char, char)

        return _ESCAPE.sub(one, raw) if "\\" in raw else raw

    def _ere(self, place: int) -> tuple[str, int]:
        text, end, bracket = self.text, place, 0
        while end < len(text):
            char = text[end]
            if char == "\n":
                break
            if char == "\\":
                end += 2
                continue
            if bracket:
                if char == "]" and end > bracket:
                    bracket = 0
                elif text.startswith("[:", end) and ":]" in text[end:]:
                    end = text.index(":]", end) + 1
            elif char == "[":
                bracket = end + 1 + (text[end + 1 : end + 2] == "^")
            elif char == "/":
                return text[place:end], end + 1
            end += 1
        return self.wrong("Unterminated regexp", "unterminated regexp", place)
