"""What the language remembers: variables, arguments, functions, options, traps, where we are.

One object, which copies itself: `copy()` for undo and the like, `child()` for `( … )` and `$( … )`, whose changes are
lost but whose values ($1 …) are the session's. (bash: variables.c, and the globals that a subshell inherits.)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from typing import TYPE_CHECKING, Any

from memsh.lazy import regular
from memsh.shell.arith import compiled
from memsh.shell.ctype import lower, upper
from memsh.shell.errors import BadSubscript, Discarded, Dropped, Fatal, ShellError, Unreasonable
from memsh.shell.frames import doubled
from memsh.shell.hashorder import walked
from memsh.shell.limits import LONG, NAMES, TEXT, TOO_LONG, VALUE, VALUES
from memsh.shell.pastlines import PastLines
from memsh.shell.scopes import Scopes
from memsh.shell.switches import BEGUN_WITH, SHOPTS, STANDING, TYPED
from memsh.shell.values import UINT_MAX, fixed, whole

if TYPE_CHECKING:
    from memsh.shell.coprocess import Coprocess
    from memsh.shell.jobs import Job
    from memsh.shell.jobspecs import Ended
    from memsh.shell.syntax import Function, Node

MOST_INDEX = 1 << 63
_WORDLIKE = regular(r"[$`\"'\\]")


class Readonly(Dropped):
    """A variable that may not be changed."""


class Language(Scopes):
    """State of one shell."""

    arith_depth = 0

    def __init__(self) -> None:
        super().__init__()
        self.name: str = "memsh"  # $0
        self.scripted = False  # a script runs, not a line or -c
        self.functions: dict[str, Function] = {}
        self.aliases: dict[str, str] = {}
        self.hashed: dict[str, tuple[str, int]] = {}  # where commands were found, and how often they ran since
        self.disabled: set[str] = set()  # builtins that `enable -n` has taken away
        self.completions: dict[str, Any] = {}  # what `complete` was told, by command
        self.past: PastLines | None = None  # the lines of a shell of its own; None: the session's journal
        self.shells: list[dict[str, str]] = [self.traps]  # traps of this shell and of those that started it
        self.parents_traps: dict[str, str] | None = None  # what `trap` shows in a ( … ) that has set none
        self.trapping: list[str] = []  # the traps that run now
        self.trapped: list[int] = []  # `$?` before each of them
        self.command: Node | str | None = None  # $BASH_COMMAND, where a trap asks for it
        self.cwd = "/"
        self.old_cwd: str | None = None  # OLDPWD
        self.logical = ("", "")  # a cwd, and the name with links that led there
        self.directories: list[str] = []  # that pushd keeps
        self.last_status = 0
        self.statuses: tuple[int, ...] = ()  # PIPESTATUS
        self.last_word: str = ""  # $_
        self.background = ""  # $!
        self.last_job = 0  # the highest `$!` so far
        self.program = 0  # the `sh -c` or script that it is part of; 0: the session's own shell
        self.job: Job | None = None  # in which that runs
        self.own_pid = 0  # $BASHPID of a ( … ) or a job, once it is asked for
        self.family = 0  # the jobs that it knows: those that a shell of this number started
        self.coprocess: Coprocess | None = None
        self.finished: dict[str, Ended] = {}  # jobs that have ended, by their `$!`
        self.heard: set[str] = set()  # those that have been waited for, or listed as ended
        self.loops = 0
        self.unreachable = 0  # loops around this ( … ), which `break` does not know
        self.nesting = 0  # compound commands, loops among them, around what runs
        self.source_depth = 0
        self.level: int = 0  # BASH_SUBSHELL
        self.depth = 0  # of $( … ) and eval, for $PS4
        self.tested = 0  # how many conditions are being asked: `set -e` waits
        self.expanding: set[str] = set()  # aliases that stand for themselves now
        self.seed = 1  # of $RANDOM
        self.begun = 0  # where $SECONDS begins, in seconds of the box's clock
        self.letter = 1  # getopts: the place inside a word
        self.values: list[tuple[int, bool]] = []  # (number, shown in decimal), $1 first
        self.origins: dict[str, str] = {}  # what was typed to get $N ("1") and $name, for Tab to tell
        self.gone: set[str] = set()  # of those that the shell makes itself, the unset ones
        self.empty: list[str] = []  # unset names that this command used
        self.dynamic: Callable[[str], str | None] = lambda name: None  # PWD, RANDOM and their kin
        self.dynamic_array: Callable[[str], list[str] | None] = lambda name: None  # FUNCNAME, PIPESTATUS and theirs
        self.expands: Callable[[str], str] = lambda text: text  # `$( … )` and its kin in a subscript
        self.unquoted: Callable[[str], str] = lambda text: text  # the same, and quotes, in a key
        self.says: Callable[[str], None] = lambda text: None  # what is odd, and no error

    def shown_cwd(self) -> str:
        """`$PWD`: the directory by the name that led there."""
        whole, name = self.logical
        return name if whole == self.cwd else self.cwd

    # copies

    def child(self) -> Language:
        """The state of a `( … )`."""
        other = copy(self)
        other.variables = dict(self.variables)
        other.arrays = {name: dict(array) for name, array in self.arrays.items()} if self.arrays else {}
        other.maps = {name: dict(items) for name, items in self.maps.items()} if self.maps else {}
        other.attributes = {name: set(letters) for name, letters in self.attributes.items()} if self.attributes else {}
        other.positional = None if self.positional is None else list(self.positional)
        other.functions = dict(self.functions)
        other.aliases, other.gone, other.completions = dict(self.aliases), set(self.gone), dict(self.completions)
        other.hashed, other.disabled = dict(self.hashed), set(self.disabled)
        other.past = None if self.past is None else self.past.copy()
        other.options, other.shopts = set(self.options), dict(self.shopts)
        other.traps = {signal: text for signal, text in self.traps.items() if not text or self.inherits(signal)}
        other.parents_traps, other.shells = self.traps, [other.traps, *self.shells]
        other.trapping, other.trapped = list(self.trapping), list(self.trapped)
        other.unreachable, other.own_pid, other.coprocess = self.loops, 0, None
        other.frames, other.calls = [doubled(frame) for frame in self.frames], list(self.calls)
        other.finished, other.heard = dict(self.finished), set(self.heard)
        other.covered = [(depth, dict(kept)) for depth, kept in self.covered]
        other.empty = []
        other.level = self.level + 1
        return other

    def copy(self) -> Language:
        """All of it, for another time."""
        other = self.child()
        other.traps = dict(self.traps)
        other.shells, other.parents_traps = [other.traps, *self.shells[1:]], None
        other.values, other.origins = list(self.values), dict(self.origins)
        other.level, other.coprocess = self.level, self.coprocess
        return other

    def exported(self) -> dict[str, str]:
        """What a program finds in its environment."""
        standing = {name: self.get(name) for name in STANDING if name not in self.variables}
        return {**{name: text for name, text in standing.items() if text is not None}, **self._marked()}

    def _marked(self) -> dict[str, str]:
        return {name: text for name, text in self.variables.items() if self.has(name, "x")}

    def becomes_program(self, name: str, arguments: list[str] | None) -> None:
        """Of a child: forget what another shell would not inherit."""
        self.variables, self.gone = self._marked(), set()
        self.arrays, self.maps, self.frames, self.calls, self.aliases, self.hashed = {}, {}, [], [], {}, {}
        self.disabled = set()
        self.functions = {known: function for known, function in self.functions.items() if self.has(known, "X")}
        self.attributes = {known: {"x"} for known in self.variables}
        for known in self.functions:
            self.attributes.setdefault(known, set()).add("X")
        self.options, self.shopts = set(BEGUN_WITH), {**SHOPTS, **dict.fromkeys(TYPED, False)}
        self.past = PastLines()
        if "POSIXLY_CORRECT" in self.variables:
            self.options.add("posix")
        self.positional = list(arguments) if arguments else None
        self.scripted = False
        self.name, self.strict, self.tested, self.loops, self.level = name or self.name, False, 0, 0, 0
        self.last_status, self.unreachable = 0, 0
        self.trapping, self.trapped = [], []
        self.traps = {signal: text for signal, text in self.traps.items() if not text}
        self.shells = [self.traps, *self.shells[1:]]
        self.parents_traps = None

    # names

    def target(self, name: str) -> str:
        """The name that a name reference means, through all of them."""
        if not self.attributes:
            return name
        for _ in range(10):
            if "n" not in self.attributes.get(name, ()):
                return name
            further = self.variables.get(name)
            if not further:  # it means nothing yet
                return name
            name = further
        return ""

    def has(self, name: str, letter: str) -> bool:
        return letter in self.attributes.get(name, ())

    def mark(self, name: str, letters: str, on: bool = True) -> None:
        """Set or take away attributes."""
        self.changes += 1
        known = self.attributes.setdefault(name, set())
        known.update(letters) if on else known.difference_update(letters)
        if not known:
            del self.attributes[name]

    def known(self, name: str) -> bool:
        """Whether it has a value of any kind."""
        return name in self.variables or name in self.arrays or name in self.maps

    # reading

    def get(self, name: str) -> str | None:
        """`$name`; of an array element 0. None if it is not set."""
        found = self.variables.get(name)
        if found is not None and not self.attributes:
            return found
        name = self.target(name)
        if "[" in name:
            base, _, index = name.partition("[")
            if index in ("@]", "*]"):
                return " ".join(self.list_of(base))
            return self.element(base, self.key(base, index[:-1]))
        found = self.variables.get(name)
        if found is None:
            if name in self.arrays:
                return self.arrays[name].get(0)
            if name in self.maps:
                return self.maps[name].get("0")
            return None if name in self.gone else self.dynamic(name)
        return found

    def list_of(self, name: str) -> list[str]:
        """`${name[@]}`."""
        name = self.target(name)
        if "[" in name:
            return []
        array = self.arrays.get(name)
        if array is not None:
            return [array[key] for key in sorted(array)]
        if self.map_of(name) is not None:
            return [text for _, text in self.items_of(name)]
        made = self.dynamic_array(name) if name not in self.gone else None
        if made is not None:
            return made
        found = self.get(name)
        return [] if found is None else [found]

    def map_of(self, name: str) -> dict[str, str] | None:
        """The associative array of that name: one that was declared, or the shell's own."""
        return self.aliases if name == "BASH_ALIASES" else self.maps.get(name)

    def keys_of(self, name: str) -> list[str]:
        """`${!name[@]}`."""
        name = self.target(name)
        if name in self.arrays:
            return [str(key) for key in sorted(self.arrays[name])]
        pairs = self.map_of(name)
        if pairs is not None:
            return walked(pairs)
        return [str(number) for number in range(len(self.list_of(name)))]

    def items_of(self, name: str) -> list[tuple[str, str]]:
        """Keys and values of an associative array, in bash's order."""
        pairs = self.map_of(name) or {}
        return [(key, pairs[key]) for key in walked(pairs)]

    def key(self, name: str, text: str) -> str:
        """A subscript that stands in a text (`unset 'A["k"]'`): of an associative array it is a word to expand."""
        if self.map_of(self.target(name)) is None or not _WORDLIKE.search(text):
            return text
        return self.unquoted(text)

    def index(self, name: str, text: str) -> int:
        """An index into an array: an expression, double quotes mean nothing in it; below 0 it counts from the end."""
        text = text.replace('"', "")
        if "$" in text or "`" in text:
            text = self.expands(text)
        number = self._number(text)
        if number < 0:
            array = self.arrays.get(name)
            kept = self.list_of(name) if array is None and self.get(name) is None else ()
            number += max(array, default=-1) + 1 if array is not None else len(kept)
            if number < 0:
                raise BadSubscript(f"{name}: bad array subscript")
        if number >= MOST_INDEX:
            raise BadSubscript(f"{name}: bad array subscript")
        return number

    def _number(self, text: str) -> int:
        """The value of an expression that the shell itself wants."""
        try:
            return compiled(text)(self)
        except Fatal:
            raise
        except ShellError as error:
            raise Discarded(error.message) from None

    def element(self, name: str, text: str) -> str | None:
        """`${name[text]}`."""
        name = self.target(name)
        if "[" in name:  # a reference to an element is no array
            return None
        pairs = self.map_of(name)
        if pairs is not None:
            return pairs.get(text)
        if name in self.arrays:
            return self.arrays[name].get(self.index(name, text))
        number = self.index(name, text)
        found = self.list_of(name)
        return found[number] if number < len(found) else None

    # writing

    def may_change(self, name: str) -> None:
        if self.attributes and "r" in self.attributes.get(name, ()):
            raise Readonly(f"{name}: readonly variable")

    def shaped(self, name: str, text: str) -> str:
        """A value as the name's attributes want it."""
        if len(text) > TEXT:
            raise ShellError(TOO_LONG)
        letters = self.attributes.get(name)
        if letters:
            if "i" in letters:
                text = str(self._number(text))
            if "l" in letters:
                text = lower(text)
            elif "c" in letters:
                text = upper(text[:1]) + lower(text[1:])
            elif "u" in letters:
                text = upper(text)
        return text

    def set(self, name: str, text: str, adds: bool = False) -> None:
        """`name=text`, `name+=text`; of an array, element 0."""
        if self.attributes:
            asked, name = name, self.target(name)
            if not name:
                raise Dropped(f"warning: {asked}: circular name reference")
            if "[" in name:
                base, _, index = name.partition("[")
                if index in ("@]", "*]"):
                    raise Dropped(f"{name}: bad array subscript")
                self.set_element(base, self.key(base, index[:-1]), text, adds)
                return
            self.may_change(name)
        if name in self.arrays or name in self.maps:
            self.set_element(name, "0", text, adds)
            return
        if adds:
            before = self.get(name) or ""
            text = f"({before or 0})+({text})" if self.has(name, "i") else before + text
        if self.attributes or len(text) > TEXT:
            text = self.shaped(name, text)
        if name in _TOLD and self._told(name, text):
            return
        if name in STANDING and name not in self.variables and name not in self.gone:
            self.mark(name, "x")  # as it was before somebody gave it another value
        if self.gone:
            self.gone.discard(name)
        if len(text) > LONG or (name not in self.variables and not len(self.variables) & 0x3FF):
            self._bounded(name, len(text))
        self.variables[name] = text
        if "allexport" in self.options:
            self.mark(name, "x")

    def _bounded(self, name: str, more: int) -> None:
        """Whether the host should be asked for so much more."""
        held = -len(self.variables.get(name, ""))
        tables: list[Mapping[Any, str]] = [self.variables, *self.arrays.values(), *self.maps.values()]
        for table in tables:
            held += sum(map(len, table.values())) + VALUE * len(table)
        if held + more > VALUES or len(self.variables) + len(self.arrays) + len(self.maps) > NAMES:
            raise Unreasonable(f"{name}: the variables hold as much as memsh keeps")

    def _told(self, name: str, text: str) -> bool:
        """Names whose value the shell heeds. True: it makes their values itself."""
        if name == "RANDOM":
            self.seed = (whole(text) or 0) & UINT_MAX
        elif name == "SECONDS":
            now = self.dynamic("SECONDS")
            shift = whole(text) or 0
            self.begun += int(now or 0) - shift
        elif name == "OPTIND":
            self.letter = 1
        elif name == "PATH":
            self.hashed.clear()
            return False
        elif name in FIXED:
            raise Readonly(f"{name}: readonly variable")
        elif name == "BASH_ARGV0":
            self.name = text
        elif name == "POSIXLY_CORRECT":
            self.options.add("posix")
            return False
        elif name == "GLOBIGNORE":
            self.shopts["dotglob"] = self.shopts["dotglob"] or bool(text.strip(":"))
            return False
        elif name == "LINENO":
            return name not in self.gone  # each command sets it anew
        return name not in ("OPTIND", "BASH_ARGV0")

    def set_element(self, name: str, text: str, value: str, adds: bool = False) -> None:
        """`name[text]=value`; a name that is no array becomes one."""
        name = self.target(name)
        if "[" in name:
            raise Dropped(f"`{name}': not a valid identifier")
        self.may_change(name)
        self.changes += 1
        if name in self.maps:
            if not text:
                raise Dropped(f"{name}['']: bad array subscript")
            pairs = self.maps[name]
            before = pairs.get(text, "") if adds else ""
            if len(value) > LONG or (text not in pairs and not len(pairs) & 0x3FF):
                self._bounded(name, len(before) + len(value))
            pairs[text] = self.shaped(name, self._added(name, before, value) if adds else value)
            return
        array = self.as_array(name)
        number = self.index(name, text)
        if adds:
            value = self._added(name, array.get(number, ""), value)
        if len(value) > LONG or (number not in array and not len(array) & 0x3FF):
            self._bounded(name, len(value))
        array[number] = self.shaped(name, value)

    def _added(self, name: str, before: str, value: str) -> str:
        return f"({before or 0})+({value})" if self.has(name, "i") else before + value

    def as_array(self, name: str) -> dict[int, str]:
        """The array of that name; a plain value becomes its element 0."""
        array = self.arrays.get(name)
        if array is None:
            array = self.arrays[name] = {}
            if name in self.variables:
                array[0] = self.variables.pop(name)
        return array

    def set_array(
        self, name: str, items: list[tuple[str | None, str]], adds: bool = False, adding: frozenset[int] = frozenset()
    ) -> None:
        """`name=( … )`: (key or None, value) for each element; those at the places `adding` are `[key]+=value`."""
        name = self.target(name)
        if "[" in name:
            raise Dropped(f"`{name}': not a valid identifier")
        self.may_change(name)
        if self.has(name, "d"):
            self.mark(name, "d", False)
        self.changes += 1
        if name in self.maps or self.has(name, "A"):
            before = self.maps.get(name, {})
            pairs = self.maps.setdefault(name, {}) if adds else {}
            if items and all(key is None for key, _ in items):
                words = [value for _, value in items]
                items = list(zip(words[::2], [*words[1::2], ""], strict=False))
            for at, (key, value) in enumerate(items):
                if key == "":
                    self.says(f"['']={value}: bad array subscript")
                    continue
                if key is None:
                    self.says(f"{name}: {value}: must use subscript when assigning associative array")
                    continue
                pairs[key] = self.shaped(name, self._added(name, before.get(key, ""), value) if at in adding else value)
            self.maps[name] = pairs
            return
        array = self.as_array(name) if adds else {}
        if not adds:
            self.variables.pop(name, None)
            self.arrays[name] = array
        place = max(array, default=-1) + 1
        for at, (key, value) in enumerate(items):
            if key is not None:
                place = self.index(name, key)
            added = self._added(name, array.get(place, ""), value) if at in adding else value
            array[place] = self.shaped(name, added)
            place += 1
        self.arrays[name] = array
        if len(items) > 0x3FF or not len(array) & 0x3FF:
            self._bounded(name, 0)

    def unset(self, name: str) -> None:
        self.may_change(name)
        self.changes += 1
        if self.uncovered(name):
            return
        for table in (self.variables, self.arrays, self.maps, self.attributes):
            table.pop(name, None)
        if name == "GLOBIGNORE":
            self.shopts["dotglob"] = False  # whoever had set it
        if self.dynamic(name) is not None:
            self.gone.add(name)

    def unset_element(self, name: str, text: str) -> None:
        name = self.target(name)
        self.may_change(name)
        self.changes += 1
        if name in self.maps:
            self.maps[name].pop(text, None)
        elif name in self.arrays:
            self.arrays[name].pop(self.index(name, text), None)
        elif text == "0":
            self.variables.pop(name, None)

    # arithmetic

    def number_text(self, name: str, index: str | None) -> str:
        found = self.variables.get(name) if index is None else None
        if found is None:
            if index is None:
                found = self.get(name)
            elif name in self.maps:
                found = self.maps[name].get(_key(index))
            else:
                try:
                    found = self.element(name, index)
                except BadSubscript as error:
                    if self.strict:
                        raise
                    self.says(error.message)
                    return "0"
            if found is None:
                return self.unset_text(name)
        return found

    def number_set(self, name: str, index: str | None, value: int) -> None:
        if index is None:
            self.set(name, str(value))
        elif not index:
            self.says(f"`{name}[]': not a valid identifier")
        else:
            self.set_element(name, _key(index) if name in self.maps else index, str(value))

    def unset_text(self, name: str) -> str:
        """The value of a name that is not set: an error where that is one."""
        if "nounset" in self.options:
            raise Fatal(f"{name}: unbound variable")
        if self.strict and not self.frames:
            raise ShellError(f"${name} is not set")
        self.empty.append(name)
        return ""

    # values

    def remember(self, number: int, dec: bool, line: str) -> int:
        """Put a value into the history; answers its N."""
        self.values.append((number, dec))
        self.origins[str(len(self.values))] = line
        return len(self.values)

    def value_text(self, serial: int) -> str | None:
        """`$N` as a word, None if there is no such value; 0 is the last one."""
        if not self.values or serial > len(self.values):
            return None
        number, dec = self.values[serial - 1]
        return fixed(number, dec)


FIXED = frozenset(["SHELLOPTS", "BASHOPTS", "UID", "EUID", "PPID", "BASH_VERSINFO"])
_TOLD = FIXED | {"RANDOM", "SECONDS", "OPTIND", "BASH_ARGV0", "LINENO", "POSIXLY_CORRECT", "PATH", "GLOBIGNORE"}


def _key(index: str) -> str:
    """A subscript inside an expression as the key of an associative array."""
    return index[1:-1] if len(index) > 1 and index[0] == index[-1] and index[0] in "'\"" else index
