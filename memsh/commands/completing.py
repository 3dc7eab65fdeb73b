"""compgen, complete, compopt: which words may follow (bash: builtins/complete.def, pcomplete.c).

Known deviation: at the prompt Tab completes by itself, so that `complete` is refused there; in a script it keeps and
lists what it was told, as bash does where nobody types.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from memsh.commands.candidates import ABSENT, ACTIONS, LETTERS, directories, files, of_actions
from memsh.shell import IO, Args, ShellError, UsageError, command, rest
from memsh.shell.errors import Dropped, Fatal
from memsh.shell.io import Capture
from memsh.shell.parser import Parser
from memsh.shell.paths import match_paths
from memsh.shell.patterns import matches
from memsh.shell.quoting import quote_if_needed, single
from memsh.shell.syntax import Word

TOPIC = "session"
OPTIONS = ("bashdefault", "default", "dirnames", "filenames", "noquote", "nosort", "nospace", "plusdirs")
_VALUED = "AGWFCXPSo"
_COMP = ("COMP_LINE", "COMP_POINT", "COMP_WORDS", "COMP_CWORD")


class Spec:
    """How words are found: `-W LIST`, `-F FUNCTION` and their kin."""

    def __init__(self) -> None:
        self.options: set[str] = set()
        self.actions: set[str] = set()
        self.values: dict[str, str] = {}  # letter → what followed it
        self.flags: set[str] = set()

    def shown(self, name: str) -> str:
        """As `complete -p` prints it."""
        parts = ["complete", *(f"-o {option}" for option in OPTIONS if option in self.options)]
        short = {action: letter for letter, action in LETTERS.items()}
        parts += [f"-{short[action]}" for action in sorted(self.actions & short.keys(), key=short.__getitem__)]
        parts += [f"-A {action}" for action in ACTIONS if action in self.actions and action not in short]
        parts += [f"-{letter} {single(self.values[letter])}" for letter in "GWPSXC" if letter in self.values]
        if "F" in self.values:
            parts.append(f"-F {quote_if_needed(self.values['F'])}")
        return " ".join([*parts, name])


def _read(words: list[str], flags: str) -> tuple[Spec, list[str]]:
    """The options of `compgen` and `complete`, and the other words. UsageError for what is none."""
    spec, place = Spec(), 0
    while place < len(words) and len(words[place]) > 1 and words[place][0] == "-":
        word = words[place]
        place += 1
        if word == "--":
            break
        for at, letter in enumerate(word[1:], 2):
            if letter in LETTERS:
                spec.actions.add(LETTERS[letter])
            elif letter == "s":
                raise ShellError(f"-s: there is no {ABSENT['service'][2:]} here")
            elif letter in flags:
                spec.flags.add(letter)
            elif letter in _VALUED:
                value = word[at:] or (words[place] if place < len(words) else None)
                if value is None:
                    raise UsageError(f"-{letter}: option requires an argument")
                place += not word[at:]
                _take(spec, letter, value)
                break
            else:
                raise UsageError(f"-{letter}: invalid option")
    return spec, words[place:]


def _take(spec: Spec, letter: str, value: str) -> None:
    if letter == "A":
        if value in ABSENT:
            raise ShellError(f"{value}: there is no {ABSENT[value].removeprefix('a ')} here")
        if value not in ACTIONS:
            raise UsageError(f"{value}: invalid action name")
        spec.actions.add(value)
    elif letter == "o":
        if value not in OPTIONS:
            raise UsageError(f"{value}: invalid option name")
        spec.options.add(value)
    else:
        spec.values[letter] = value


def _pieces(text: str, ifs: str) -> Iterator[str]:
    """A list of words cut at the letters of IFS that stand outside of quotes and expansions."""
    begun = at = 0
    closing: list[str] = []
    while at < len(text):
        char = text[at]
        if char == "\\" and closing[-1:] != ["'"]:
            at += 1
        elif closing and char == closing[-1]:
            closing.pop()
        elif char in "'\"`" and closing[-1:] not in (["'"], ["`"]):
            closing.append(char)
        elif text.startswith(("$(", "${"), at):
            closing.append(")" if text[at + 1] == "(" else "}")
            at += 1
        elif char in ifs and not closing:
            yield text[begun:at]
            begun = at + 1
        at += 1
    yield text[begun:]


def _listed(io: IO, text: str) -> list[str]:
    """`-W LIST`: each word expanded as in a command, but for file names."""
    ifs = io.language.get("IFS")
    found: list[str] = []
    options, io.language.options = io.language.options, io.language.options | {"noglob"}
    try:
        for piece in _pieces(text, " \t\n" if ifs is None else ifs):
            if piece:
                word = Parser("[" + re.sub(r"(?<!\\)\]", r"\\]", piece) + "]").index()
                found += io.runner.expander().words([word if isinstance(word, str) else Word(word.parts)])
    finally:
        io.language.options = options
    return found


def _of_function(io: IO, name: str, word: str) -> list[str]:
    language = io.language
    if name not in language.functions:
        io.err(f"compgen: warning: function `{name}' not found\n")
        return []
    io.err("compgen: warning: -F option may not work as you expect\n")
    for known in _COMP:
        language.unset(known)
    language.set("COMP_LINE", "")
    language.set("COMP_POINT", "0")
    language.set("COMP_CWORD", "-1")
    language.set_array("COMP_WORDS", [])
    io.runner.call_function(language.functions[name], [name, "compgen", word, ""], io.session.running_line)
    found = language.list_of("COMPREPLY")
    for known in (*_COMP, "COMPREPLY"):
        language.unset(known)
    return found


def _of_command(io: IO, line: str, word: str) -> list[str]:
    io.err("compgen: warning: -C option may not work as you expect\n")
    kept = Capture()
    runner = io.runner.beside(kept, captured=True)
    runner.subshell(lambda: runner.run_text(f"{line} compgen {single(word)} ''"))
    return kept.text().splitlines()


def found(io: IO, spec: Spec, word: str) -> list[str]:
    """The words that a spec finds for one that begins so."""
    values = spec.values
    words = of_actions(io, spec.actions, word)
    if "G" in values:
        words += match_paths(io.session, values["G"])
    if "W" in values:
        words += [one for one in _listed(io, values["W"]) if one.startswith(word)]
    if "F" in values:
        words += _of_function(io, values["F"], word)
    if "C" in values:
        words += _of_command(io, values["C"], word)
    if "X" in values:
        pattern = re.sub(r"(\\&)|&", lambda match: "&" if match[1] else word, values["X"])
        wanted = pattern.startswith("!")
        words = [one for one in words if matches(one, pattern[1:] if wanted else pattern) is wanted]
    words = [values.get("P", "") + one + values.get("S", "") for one in words]
    if "plusdirs" in spec.options or (not words and "dirnames" in spec.options):
        words += [one for one in directories(io, word) if one.startswith(word)]
    if not words and spec.options & {"default", "bashdefault"}:
        words = [one for one in files(io, word) if one.startswith(word)]
    return words


_META = "[-abcdefgjkuv] [-o OPTION] [-A ACTION] [-G PATTERN] [-W WORDS] [-F FUNCTION] [-C LINE] [-X PATTERN] [WORD"


@command(rest("words", raw=True, meta=_META), topic=TOPIC, needs_box=False, shell=True, help_option=False)
def compgen(box: object, args: Args, io: IO) -> int:
    """list words that begin as one does: functions, variables, files, those of a list

    compgen -k wh

    -W takes a list, -F asks a function for COMPREPLY, -X leaves out what matches, -P and -S put something around each.
    """
    spec, words = _read(args.words, "")
    try:
        answer = found(io, spec, words[0] if words else "")
    except (Fatal, Dropped) as error:
        io.complain(error.message)
        return 1
    except ShellError as error:
        raise ShellError(error.message) from None
    io.out("".join(f"{one}\n" for one in answer))
    return int(not answer)


@command(rest("words", raw=True, meta="[-prDEI] " + _META.replace("[WORD", "[NAME")), topic=TOPIC, needs_box=False,
         shell=True, help_option=False)  # fmt: skip
def complete(box: object, args: Args, io: IO) -> int:
    """keep how the words of a command are to be completed, or list what was kept

    complete -p

    It is for scripts that people share: Tab at this prompt completes by itself.
    """
    spec, words = _read(args.words, "prDEI")
    kept = io.language.completions
    words = [f"-{letter}" for letter in "DEI" if letter in spec.flags] or words
    if "r" in spec.flags:
        if not words:
            kept.clear()
        return max((_forgotten(io, name) for name in words), default=0)
    if "p" in spec.flags or not args.words:
        io.out("".join(kept[name].shown(name) + "\n" for name in (words or kept) if name in kept))
        missing = [name for name in words if name not in kept]
        for name in missing:
            io.complain(f"{name}: no completion specification")
        return int(bool(missing))
    if not words:
        raise UsageError("a NAME is missing (usage: complete [-abcdefgjkuv] [-pr] [-DEI] [-o OPTION] … NAME …)")
    if io.language.strict:
        raise ShellError("Tab at this prompt completes by itself; a script may keep what it is told")
    for name in words:
        kept[name] = spec
    io.language.changes += 1
    return 0


def _forgotten(io: IO, name: str) -> int:
    if io.language.completions.pop(name, None) is not None:
        return 0
    io.complain(f"{name}: no completion specification")
    return 1


@command(rest("words", raw=True, meta="[-o OPTION] [+o OPTION] [NAME"), topic=TOPIC, needs_box=False, shell=True)
def compopt(box: object, args: Args, io: IO) -> int:
    """change the options of what `complete` keeps

    compopt -o nospace make
    """
    words, on, off = list(args.words), set[str](), set[str]()
    while words and words[0] in ("-o", "+o"):
        if len(words) < 2 or words[1] not in OPTIONS:
            raise UsageError(f"{words[1] if len(words) > 1 else words[0]}: invalid option name")
        (on if words[0] == "-o" else off).add(words[1])
        words = words[2:]
    if not words:
        raise ShellError("not currently executing completion function")
    status = 0
    for name in words:
        spec = io.language.completions.get(name)
        if spec is None:
            io.complain(f"{name}: no completion specification")
            status = 1
            continue
        changed = Spec()
        changed.actions, changed.values = spec.actions, spec.values
        changed.options = (spec.options | on) - off
        io.language.completions[name] = changed
        io.language.changes += 1
    return status
