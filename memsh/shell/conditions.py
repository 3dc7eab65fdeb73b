"""What `[[ … ]]`, `test` and `[` ask: strings, numbers, the box's files, the shell's state (bash: test.c).

Known deviation: files do not remember when they were read, so that for `-N` nobody has read one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from memsh.shell.arith import compiled
from memsh.shell.errors import Discarded, Fatal, ShellError
from memsh.shell.jobs import asked
from memsh.shell.patterns import escaped, matches, quoted
from memsh.shell.values import whole

if TYPE_CHECKING:
    from memsh.shell.run import Runner

NUMBERS = frozenset(["-eq", "-ne", "-lt", "-le", "-gt", "-ge"])
FILES = frozenset("-" + letter for letter in "abcdefghkprstuwxGLNOS")
UNARY = FILES | {"-z", "-n", "-v", "-o", "-R"}
STRINGS = frozenset(["=", "==", "!=", "<", ">"])
OF_FILES = frozenset(["-ef", "-nt", "-ot"])
LONGEST = 1 << 20  # characters that =~ looks at


def compared(operator: str, a: int, b: int) -> bool:
    """`-eq` and its kin."""
    return {"-eq": a == b, "-ne": a != b, "-lt": a < b, "-le": a <= b, "-gt": a > b, "-ge": a >= b}[operator]


def unary(operator: str, text: str, runner: Runner) -> bool:
    """`-z TEXT`, `-e PATH`, `-v NAME`, `-o OPTION`."""
    language = runner.language
    if operator == "-z":
        return not text
    if operator == "-n":
        return bool(text)
    if operator == "-v":
        return is_set(runner, text)
    if operator == "-R":
        return language.has(text, "n")
    if operator == "-o":
        return text in language.options
    if operator == "-t":
        return text == "1" and runner.tty
    session = runner.session
    asked(session)
    return session.files is not None and session.files.test(session, operator[1], text)


def is_set(runner: Runner, name: str) -> bool:
    """`-v NAME`, `-v NAME[INDEX]`."""
    language = runner.language
    base, bracket, index = name.partition("[")
    if bracket:
        index = index.removesuffix("]")
        if index in ("@", "*") and language.map_of(language.target(base)) is None:
            return bool(language.list_of(base))
        return language.element(base, language.key(base, index)) is not None
    number = whole(name)
    if number is not None:
        return 0 < number <= len(language.positional or ())
    return "[" not in language.target(name) and language.get(name) is not None


def files_compared(operator: str, left: str, right: str, runner: Runner) -> bool:
    """`-ef`, `-nt`, `-ot`."""
    session = runner.session
    if session.files is None:
        return False
    if operator == "-ef":
        return session.files.same(session, left, right)
    a, b = session.files.changed(session, left), session.files.changed(session, right)
    if a is None or b is None:
        return (a is not None) if operator == "-nt" else (b is not None)
    return a > b if operator == "-nt" else a < b


def _shown(word: str) -> str:
    """As `set -x` shows it."""
    return word or "''"


def holds(tree: tuple[Any, ...], runner: Runner, sign: str = "") -> bool:
    """Whether a tree of `[[ … ]]` is true; `sign`: a `!` before it."""
    operator = tree[0]
    if operator == "&&":
        return holds(tree[1], runner) and holds(tree[2], runner)
    if operator == "||":
        return holds(tree[1], runner) or holds(tree[2], runner)
    if operator == "!":
        return not holds(tree[1], runner, "! ")
    expander = runner.expander()
    left = expander.single(tree[1])
    shows = "xtrace" in runner.language.options
    if operator == "word":
        if shows:
            runner.trace(f"[[ {sign}-n {_shown(left)} ]]")
        return bool(left)
    if len(tree) == 2:
        if shows:
            runner.trace(f"[[ {sign}{operator} {_shown(left)} ]]")
        return unary("-e" if operator == "-a" else operator, left, runner)
    if operator in ("=~", "=", "==", "!="):
        expander.quoting = escaped if shows else quoted
        right = expander.regex(tree[2]) if operator == "=~" else expander.pattern(tree[2], True)
        if shows:
            runner.trace(f"[[ {sign}{_shown(left)} {operator} {_shown(right)} ]]")
        if operator == "=~":
            return _matched(left, right, runner)
        return matches(left, right, runner.language.shopts["nocasematch"]) is (operator != "!=")
    right = expander.single(tree[2])
    if shows:
        runner.trace(f"[[ {sign}{_shown(left)} {operator} {_shown(right)} ]]")
    if operator in ("<", ">"):
        return left < right if operator == "<" else left > right
    if operator in OF_FILES:
        return files_compared(operator, left, right, runner)
    language = runner.language
    try:
        return compared(operator, compiled(left)(language), compiled(right)(language))
    except (Discarded, Fatal):
        raise
    except ShellError as error:
        raise ShellError(error.message) from None


def _matched(text: str, pattern: str, runner: Runner) -> bool:
    """`=~` fills BASH_REMATCH."""
    if len(text) > LONGEST:
        raise ShellError("=~: the text is too long", 2)
    language, search = runner.language, runner.session.registry.regex
    if search is None:
        raise ShellError("=~: there are no regular expressions here", 2)
    found = search(pattern, text, language.shopts["nocasematch"])
    language.arrays["BASH_REMATCH"] = dict(enumerate(found))
    language.changes += 1
    return bool(found)
