"""From words as parsed to words as given to a command (bash: subst.c, expand_word_list_internal).

Braces, then `~`, `$…`, `$(…)` and `$((…))`, then splitting at IFS, then the box's paths that match. Nothing expands to
more than 16 MiB. A `$N` or `$name` that is not set is an error at the prompt, and empty in scripts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from memsh.lazy import regular
from memsh.shell import parameters
from memsh.shell.arith import compiled
from memsh.shell.braces import braces
from memsh.shell.errors import Dropped, Fatal, ShellError
from memsh.shell.limits import TEXT, TOO_LONG, WORDS
from memsh.shell.paths import match_paths
from memsh.shell.patterns import is_pattern, plain, quoted
from memsh.shell.syntax import AnyWord, Assign, Param, Part, Word

if TYPE_CHECKING:
    from memsh.shell.run import Runner

_SET_END = regular(r"(?>\]?)(?:\[([.:=]).*?\1\]|[^\]])*\]", re.S)
Segment = tuple[str, str]  # the text, and the text as a pattern
Field = list[Segment]
Value = str | list[str] | Word


class Refused(ShellError):
    """A `$(…)` failed with a message of its own and left nothing to work with: the command around it does not run."""

    def __init__(self, status: int) -> None:
        super().__init__("", status)


class Expander:
    """Expands the words of one command. `status` is that of its last `$(…)`, None if there was none.

    `refused`: that one ended with a message and without text.
    """

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self.session = runner.session
        self.language = runner.language
        self.status: int | None = None
        self.refused = False
        self.quoting: Callable[[str], str] = quoted  # of what was quoted in a pattern
        self.star: str | None = None  # what joins `$*`, where it is not IFS's first letter

    def words(self, words: list[Any]) -> list[str]:
        """All the words that these become."""
        result: list[str] = []
        for word in words:
            if isinstance(word, str):
                result.append(word)
            elif not word.braces or "braceexpand" not in self.language.options:
                self._fields(word, result)
            else:
                self._alternatives(word, result)
        if len(result) > 1000 or len(words) != len(result):
            self._bounded(result)
        return result

    def _alternatives(self, word: Word, result: list[str]) -> None:
        for number, one in enumerate(braces(word, self.session.poll)):
            if number & 0xFFF == 0xFFF:
                self.session.poll()
                self._bounded(result)
            self._fields(one, result)

    def _bounded(self, result: list[str]) -> None:
        if len(result) > WORDS or sum(map(len, result)) + len(result) > TEXT:
            raise ShellError(TOO_LONG)

    def single(self, word: AnyWord) -> str:
        """One word as one text, neither split nor matched: a value to assign, `case`'s word."""
        if isinstance(word, str):
            return word
        parts = word.parts
        if len(parts) == 1:
            text = self._joined(parts[0])
        else:
            text = "".join([self._joined(part) for part in parts])
        if len(text) > TEXT:
            raise ShellError(TOO_LONG)
        return text

    def document(self, word: AnyWord) -> str:
        """A here-document: `$*` is joined by blanks, whatever IFS says."""
        self.star = " "
        try:
            return self.single(word)
        finally:
            self.star = None

    def pattern(self, word: AnyWord, extended: bool | None = None) -> str:
        """One word as a pattern: what was quoted means itself. `extended`: ?( … ) counts (None: as `shopt` has it)."""
        if isinstance(word, str):
            pattern = word
        else:
            pattern = "".join(self._as_pattern(part) for part in word.parts)
        if "(" in pattern and not (self.language.shopts["extglob"] if extended is None else extended):
            return plain(pattern)
        return pattern

    def _as_pattern(self, part: Part) -> str:
        kind, content, is_quoted = part
        if kind == "glob":
            return self.pattern(content, True)
        if kind == "text":
            return self.quoting(content) if is_quoted else str(content)
        value = self._value(kind, content, is_quoted)
        if isinstance(value, Word):
            return self.pattern(value, True)
        text = value if isinstance(value, str) else self._list_joined(kind, content, value)
        return self.quoting(text) if is_quoted else text

    def regex(self, word: AnyWord) -> str:
        """The right side of `=~`: what was quoted means itself."""
        if isinstance(word, str):
            return word
        out = ""
        for part in word.parts:
            text = self._joined(part)
            means_itself = part[2] or part[0] == "tilde"
            if means_itself and not _open_set(out):  # in a set, a backslash would be a letter of its own
                text = re.sub(r"([.\[\]{}()*+?^$|\\])", r"\\\1", text)
            out += text
        return out

    def segments(self, word: AnyWord) -> list[tuple[str, bool]]:
        """(text, quoted) of each part, for a replacement in which & means something."""
        if isinstance(word, str):
            return [(word, False)]
        found: list[tuple[str, bool]] = []
        for part in word.parts:
            found.append((self._joined(part), part[2]))
        return found

    def _joined(self, part: Part) -> str:
        kind, content, is_quoted = part
        if kind == "text":
            return str(content)
        if kind == "glob":
            return self.single(content)
        value = self._value(kind, content, is_quoted)
        if isinstance(value, str):
            return value
        if isinstance(value, Word):
            return self.single(value)
        return self._list_joined(kind, content, value)

    def _list_joined(self, kind: str, content: Any, values: list[str]) -> str:
        """`$*` and `$@` as one text."""
        star = kind == "param" and "*" in (content.name, content.index)
        return (self.separator() if star else " ").join(values)

    def separator(self, array: bool = False) -> str:
        """What joins `"$*"` and an `array`'s `"${x[*]}"`: IFS's first letter."""
        if self.star is not None and not array:
            return self.star
        ifs = self.language.get("IFS")
        return " " if ifs is None else ifs[:1]

    # fields

    def _fields(self, word: Word, result: list[str]) -> None:
        """Append the fields of one word: unquoted expansions are split at IFS, unquoted * ? [ are matched."""
        current = self._into(word.parts, None, result, False)
        if current is not None:
            self._finish(current, result)

    def _into(self, parts: list[Part], current: Field | None, result: list[str], splits: bool) -> Field | None:
        """Parts into fields; `current` is the one that was begun. `splits`: text that is not quoted is split too."""
        for kind, content, is_quoted in parts:
            if kind == "text":
                if splits and not is_quoted:
                    current = self._split(content, current, result)
                else:
                    current = current or []
                    current.append((content, quoted(content) if is_quoted else content))
                continue
            if kind == "glob":
                current = self._into(content.parts, current, result, False)
                continue
            value = self._value(kind, content, is_quoted)
            if isinstance(value, str):
                if not value and kind == "param" and content.vanishes:
                    continue
                if is_quoted or kind == "tilde":
                    current = current or []
                    current.append((value, quoted(value)))
                else:
                    current = self._split(value, current, result)
            elif isinstance(value, Word):
                before = len(result)
                current = self._into(value.parts, current, result, True)
                if is_quoted and current is None and len(result) == before and not content.vanishes:
                    current = [("", "")]
            else:
                current = self._list(value, is_quoted, current, result)
        return current

    def _list(self, values: list[str], is_quoted: bool, current: Field | None, result: list[str]) -> Field | None:
        """`"$@"`: the first joins what stands before, the last what stands behind. Without quotes a sign of IFS that is
        no blank parts them, so that empty ones are fields."""
        sign = "" if is_quoted else (self.language.get("IFS") or "")[:1]
        if sign.strip(" \t\n"):
            return self._split(sign.join(values), current, result)
        for number, text in enumerate(values):
            if number and current is not None:
                self._finish(current, result)
                current = None
            if is_quoted:
                current = current or []
                current.append((text, quoted(text)))
            else:
                current = self._split(text, current, result)
        return current

    def _split(self, text: str, current: Field | None, result: list[str]) -> Field | None:
        """The text of an unquoted expansion, cut at the letters of IFS."""
        if len(text) > TEXT:
            raise ShellError(TOO_LONG)
        ifs = self.language.get("IFS")
        if ifs is None or ifs == " \t\n":
            if text and " " not in text and "\n" not in text and "\t" not in text:
                current = current or []
                current.append((text, text))
                return current
            pieces = re.split(r"[ \t\n]+", text) if text else []
        elif not ifs:
            pieces = [text] if text else []
        else:
            pieces = split_ifs(text, ifs)
        for number, piece in enumerate(pieces):
            if number:
                if not number & 0xFFF:
                    self.session.poll()
                if current is not None:
                    self._finish(current, result)
                elif number > 1 or pieces[0] or not _blank_start(text, ifs):
                    result.append("")
                current = None
            if piece:
                current = current or []
                current.append((piece, piece))
        return current

    def _finish(self, field: Field, result: list[str]) -> None:
        text = field[0][0] if len(field) == 1 else "".join([segment[0] for segment in field])
        if len(text) > TEXT:
            raise ShellError(TOO_LONG)
        if ("*" in text or "?" in text or "[" in text or "(" in text) and "noglob" not in self.language.options:
            pattern = "".join([segment[1] for segment in field])
            if "(" in pattern and not self.language.shopts["extglob"]:
                pattern = plain(pattern)
            if is_pattern(pattern) and self.session.files is not None:
                found = match_paths(self.session, pattern)
                if found:
                    result += found
                    return
                if self.language.shopts["failglob"]:
                    raise Dropped(f"no match: {text}")
                if self.language.shopts["nullglob"]:
                    return
        result.append(text)

    # parts

    def _value(self, kind: str, content: Any, is_quoted: bool) -> Value:
        """What a part becomes: a text, several, or a word to be expanded in its place."""
        if kind == "param":
            return parameters.value(self, content, is_quoted)
        if kind == "sum":
            return str(self.sum(content))
        if kind == "run":
            text, self.status, refused = self.runner.substitute(content)
            self.language.last_status = self.status
            self.refused = refused and bool(self.status) and not text
            if self.refused and self.language.strict and not is_quoted:
                raise Refused(self.status)
            return text.replace("\0", "").rstrip("\n")
        if kind == "tilde":
            return parameters.home(self.language, content)
        if kind == "bad":
            raise Dropped(f"{content[0]}: bad substitution ({content[1]})")
        return self.runner.process_stream(content[0], content[1])

    def sum(self, word: AnyWord) -> int:
        """The value of an expression."""
        text = word if isinstance(word, str) else self.single(word)
        try:
            return compiled(text)(self.language)
        except (Fatal, Dropped):
            raise
        except ShellError as error:
            if self.language.strict:
                raise
            raise Dropped(error.message) from None

    def param(self, name: str) -> str:
        """`$name` as one text."""
        found = parameters.value(self, Param(name), True)
        return found if isinstance(found, str) else " ".join(found) if isinstance(found, list) else ""

    # assignments

    def assign(self, assign: Assign) -> None:
        """Carry out one assignment."""
        language = self.language
        if assign.items is not None and assign.index is not None:
            raise Dropped(f"{assign.name}[{self.single(assign.index)}]: cannot assign list to array member")
        if assign.items is not None:
            self._assign_list(assign, assign.items)
            return
        if assign.index == "":
            raise Dropped(f"{assign.name}[]: bad array subscript")
        text = self.single(assign.value)
        if assign.index is not None:
            language.set_element(assign.name, self.single(assign.index), text, assign.adds)
        else:
            language.set(assign.name, text, assign.adds)


    def _assign_list(self, assign: Assign, elements: list[tuple[AnyWord | None, AnyWord]]) -> None:
        """`name=( … )`. Of an associative array each word is one text, whose ~ and { } are letters; of another one a
        `[key]=…` with braces is what the braces make of it, and no element of that key (bash: arrayfunc.c)."""
        language, name = self.language, self.language.target(assign.name)
        pairs = name in language.maps or language.has(name, "A")
        items: list[tuple[str | None, str]] = []
        adding: set[int] = set()
        for place, (key, word) in enumerate(elements):
            if pairs:
                word = _without_tildes(word)
            elif place in assign.spread and self._several(assign.spread[place]):
                key, word = None, assign.spread[place]
            if key is not None and place in assign.adding:
                adding.add(len(items))
            if key is None and not pairs:
                items += [(None, text) for text in self.words([word])]
            else:
                items.append((None if key is None else self.single(key), self.single(word)))
        language.set_array(assign.name, items, assign.adds, frozenset(adding))

    def _several(self, word: Word) -> bool:
        """Whether braces make more than one of it."""
        made = braces(word, self.session.poll)
        return "braceexpand" in self.language.options and next(made, None) is not None and next(made, None) is not None


def _without_tildes(word: AnyWord) -> AnyWord:
    if isinstance(word, str) or all(part[0] != "tilde" for part in word.parts):
        return word
    return Word([("text", f"~{part[1]}", False) if part[0] == "tilde" else part for part in word.parts])


def _open_set(expression: str) -> bool:
    """Whether a `[` of a regular expression waits for its `]`."""
    at, size = 0, len(expression)
    while at < size:
        if expression[at] == "\\":
            at += 1
        elif expression[at] == "[":
            first = at + 2 if expression.startswith("[^", at) else at + 1
            end = _SET_END.match(expression, first)
            if end is None:
                return True
            at = end.end() - 1
        at += 1
    return False


def _blank_start(text: str, ifs: str | None) -> bool:
    """Whether what stands first ends a field that was never begun: only a sign of IFS that is no blank makes one."""
    blanks = " \t\n" if ifs is None else "".join(char for char in " \t\n" if char in ifs)
    inside = text.lstrip(blanks) if blanks else text
    return inside != text and (not inside or inside[0] not in (ifs or ""))


def split_ifs(text: str, ifs: str) -> list[str]:
    """Pieces between separators: a sign of IFS with the blanks of IFS around it, or such blanks alone.

    An empty first piece stands for a separator at the beginning, an empty last one for one at the end.
    """
    blanks = re.escape("".join(char for char in ifs if char in " \t\n"))
    signs = re.escape("".join(char for char in ifs if char not in " \t\n"))
    if signs and blanks:
        pattern = f"[{blanks}]*[{signs}][{blanks}]*|[{blanks}]+"
    else:
        pattern = f"[{signs}]" if signs else f"[{blanks}]+"
    if not text:
        return []
    lead = re.match(f"[{blanks}]+(?=[{signs}])", text) if signs and blanks else None
    return re.split(pattern, text[lead.end() :] if lead else text)
