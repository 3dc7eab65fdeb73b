"""From words as parsed to words as given to a command: variables, values, `$(…)`, `$((…))`, splitting, `*`.

A `$N` or `$name` that is not set is an error. Nothing expands to more than 16 MiB.
"""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from memsh.shell.arith import evaluate
from memsh.shell.errors import ShellError
from memsh.shell.io import TEXT_LIMIT, TOO_LONG
from memsh.shell.syntax import AnyWord, Node, Part, Word

if TYPE_CHECKING:
    from memsh.shell.session import Session

Substitute = Callable[[Node], tuple[str, int, bool]]  # the text, the status, and whether memsh or Linux refused it


class Refused(ShellError):
    """A `$(…)` failed with a message of its own and left nothing to work with: the command around it does not run."""

    def __init__(self, status: int) -> None:
        super().__init__("", status)


class Expander:
    """Expands the words of one command. `status` is that of its last `$(…)`, None if there was none."""

    def __init__(self, session: Session, substitute: Substitute) -> None:
        self.session = session
        self.substitute = substitute
        self.status: int | None = None

    def words(self, words: list[AnyWord]) -> list[str]:
        """All the words that these become."""
        result: list[str] = []
        for word in words:
            if isinstance(word, str):
                result.append(word)
            else:
                self._fields(word, result)
        if len(result) > 1000 or len(words) != len(result):
            if sum(map(len, result)) + len(result) > TEXT_LIMIT:
                raise ShellError(TOO_LONG)
        return result

    def single(self, word: AnyWord) -> str:
        """One word as one text: a value to assign, a file's name."""
        if isinstance(word, str):
            return word
        text = "".join(self._text(part) for part in word.parts)
        if len(text) > TEXT_LIMIT:
            raise ShellError(TOO_LONG)
        return text

    def _fields(self, word: Word, result: list[str]) -> None:
        """Append the fields of one word: unquoted expansions are split at blanks, unquoted * ? [ are matched."""
        current: str | None = None  # None: no field begun
        pattern = word.globs
        for part in word.parts:
            kind, content, quoted = part
            if kind == "text":
                current = (current or "") + content
                continue
            text = self._text(part)
            if quoted or (kind != "run" and text and " " not in text and "\n" not in text and "\t" not in text):
                current = (current or "") + text
                continue
            if len(text) > TEXT_LIMIT:
                raise ShellError(TOO_LONG)
            pieces = text.split()
            if not pieces:
                continue
            if text[0].isspace() and current is not None:
                result.append(current)
                current = None
            result.append((current or "") + pieces[0])
            result += pieces[1:]
            current = None if text[-1].isspace() else result.pop()
        if current is not None:
            if len(current) > TEXT_LIMIT:
                raise ShellError(TOO_LONG)
            matched = self._matching(word, current) if pattern else None
            result += matched if matched else [current]

    def _matching(self, word: Word, text: str) -> list[str]:
        """The box's paths that match, sorted; none: the word stays as it is."""
        if self.session.files is None or any(part[2] and _wild(part[1]) for part in word.parts if part[0] == "text"):
            return []
        return sorted(match_paths(self.session, text))

    def _text(self, part: Part) -> str:
        kind, content, quoted = part
        if kind == "text":
            return str(content)
        if kind == "var":
            return self.variable(content)
        if kind == "run":
            text, self.status, refused = self.substitute(content)
            if refused and self.status and not text and not quoted:
                raise Refused(self.status)
            return text.rstrip("\n")
        return str(evaluate("".join(self._text(inner) for inner in content), self.variable))

    def variable(self, name: str) -> str:
        """`$name`, `$1`, `$?`, or with "" `$`. ShellError if it is not set."""
        session = self.session
        if name == "?":
            return str(session.last_status)
        if not name or name.isdigit():
            found = session.value_text(int(name) if name else 0)
            if found is not None and (not name or int(name)):
                return found
            have = len(session.values)
            known = f"the values so far are $1 to ${have}" if have > 1 else "only $1 is" if have else "no value yet"
            raise ShellError(f"${name} is not set ({known})")
        if name not in session.variables:
            raise ShellError(f"${name} is not set")
        return session.variables[name]


def _wild(text: str) -> bool:
    return "*" in text or "?" in text or "[" in text


def match_paths(session: Session, pattern: str) -> list[str]:
    """Paths of the box that match a pattern with * ? [ in it, written the way that the pattern is."""
    files = session.files
    assert files is not None
    absolute = pattern.startswith("/")
    parts = [part for part in pattern.split("/") if part]
    found = ["/"] if absolute else [""]
    for part in parts:
        following: list[str] = []
        for base in found:
            joined = base if base in ("", "/") else base + "/"
            try:
                names = files.listdir(session, base or ".")
            except OSError:
                continue
            if _wild(part):
                matching = [name for name in names if fnmatchcase(name, part) and (name[0] != "." or part[0] == ".")]
                following += [joined + name for name in matching]
            elif part in names or part in (".", ".."):
                following.append(joined + part)
        found = following
    return found
