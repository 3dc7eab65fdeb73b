"""The prompt's settings: `KEY = VALUE` lines in memsh/config under the XDG config folder.

Every key has a default, so no file is needed; `memsh --write-config` writes one with each key explained. A file with a
mistake in it is told in one line, with the number of the line, and left out as a whole.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from memsh.alike import alike
from memsh.digits import is_digits
from memsh.shell.hostread import read_whole

TEXT = """\
# memsh: settings of the prompt. A key that is commented out has the value shown.
# Options on the command line win over this file; --no-rc leaves it out.

# editing = emacs            emacs or vi keys (F4 changes between them)
# color = auto               auto, on or off; NO_COLOR and --no-color win over on
# width = auto               columns to fill: auto, or 20 to 1000
# history-size = 10000       lines that the history keeps, 1 to 1000000
# history-file = auto        where: auto is memsh/history in the XDG state folder
# pager = auto               for text longer than the screen: auto ($PAGER, or less), off, or a command
# toolbar = on               the line at the bottom: current process, its RSS, free memory (F2)
# suggestions = on           in grey, from the history (F3)
# menu = tab                 when completions open: tab, or typing
# journal = on               keep the session on disk, for memsh --resume
# progress = on              a bar for what takes longer than a second
# run = COMMAND              a start-up command; may stand several times
"""
_SWITCH = ("on", "off")
_CHOICES = {
    "editing": ("emacs", "vi"), "color": ("auto", *_SWITCH), "toolbar": _SWITCH, "suggestions": _SWITCH,
    "menu": ("tab", "typing"), "journal": _SWITCH, "progress": _SWITCH,
}  # fmt: skip
_NUMBERS = {"width": (20, 1000), "history-size": (1, 1_000_000)}
_WORDS = ("history-file", "pager")
LARGEST = 1 << 20


@dataclass
class Settings:
    """What the file says, or the defaults. `width` 0: the terminal's."""

    editing: str = "emacs"
    color: str = "auto"
    width: int = 0
    history_size: int = 10_000
    history_file: str = ""
    pager: str = "auto"
    toolbar: bool = True
    suggestions: bool = True
    menu: str = "tab"
    journal: bool = True
    progress: bool = True
    run: list[str] = field(default_factory=list)


class Mistake(Exception):
    """What is wrong with a file, and in which line."""


def parse(text: str) -> Settings:
    """Mistake if a line is none of these keys with one of its values."""
    made = Settings()
    for number, line in enumerate(text.split("\n"), 1):
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        key, equals, value = (part.strip() for part in bare.partition("="))
        if not equals or not key or not value:
            raise Mistake(f"{number}: a line is KEY = VALUE")
        if any(ord(letter) < 32 for letter in bare):
            raise Mistake(f"{number}: a control character")
        if key != "run":
            value = value.split(" #", 1)[0].rstrip()
        _set(made, number, key, value)
    return made


def _set(made: Settings, number: int, key: str, value: str) -> None:
    if key == "run":
        made.run.append(value)
    elif key in _CHOICES:
        if value not in _CHOICES[key]:
            raise Mistake(f"{number}: {key} is one of {', '.join(_CHOICES[key])}")
        setattr(made, key, value == "on" if _CHOICES[key] == _SWITCH else value)
    elif key in _NUMBERS:
        low, high = _NUMBERS[key]
        if key == "width" and value == "auto":
            return
        if not (is_digits(value) and low <= int(value[:9]) <= high and len(value) < 9):
            raise Mistake(f"{number}: {key} is a number from {low} to {high}")
        setattr(made, key.replace("-", "_"), int(value))
    elif key in _WORDS:
        setattr(made, key.replace("-", "_"), "" if key == "history-file" and value == "auto" else value)
    else:
        close = alike(key, [*_CHOICES, *_NUMBERS, *_WORDS, "run"], 1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        raise Mistake(f"{number}: there is no setting {key[:40]}{hint}")


def usual_path() -> Path:
    from platformdirs import user_config_path  # start-up: 4 ms, where a file of the user's is looked for

    return user_config_path("memsh") / "config"


def load(name: str = "") -> tuple[Settings, str]:
    """The settings of the file (`name`, or the usual one), and a complaint, "" if all is well."""
    path = Path(name) if name else usual_path()
    try:
        text = read_whole(path, LARGEST).decode("utf-8")
    except FileNotFoundError:
        return Settings(), f"memsh: {path}: No such file or directory; the defaults hold\n" if name else ""
    except OSError as error:
        return Settings(), f"memsh: {path}: {error.strerror}; the settings are left out\n"
    except UnicodeDecodeError as error:
        number = error.object[: error.start].count(b"\n") + 1
        return Settings(), f"memsh: {path}:{number}: not UTF-8; the settings are left out\n"
    try:
        return parse(text), ""
    except Mistake as mistake:
        return Settings(), f"memsh: {path}:{mistake}; the settings are left out\n"


def write() -> tuple[str, int]:
    """`--write-config`: what to say, and the status. A file that is there stays as it is."""
    path = usual_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(TEXT)
    except FileExistsError:
        return f"{path} is there already\n", 1
    except OSError as error:
        return f"memsh: {path}: {error.strerror}\n", 1
    return f"{path}\n", 0
