"""The journal on disk: one file a session, a line for each command that changed something, written as it ends.

Only a session at a terminal's prompt keeps one, under the XDG state folder (`memsh/sessions/ID.jsonl`). The file is
locked while its session lives, so that two at once never share one; the oldest go when there are too many. Its lines
are those of records.py.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shlex
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from memsh import __version__
from memsh.shell.errors import ShellError
from memsh.shell.hostread import read_whole
from memsh.teach.journal import Entry, Snapshot, attach
from memsh.teach.records import FORMAT, Writer, parsed, spelled

if TYPE_CHECKING:
    from memsh.shell.session import Session
    from memsh.teach.journal import Timeline

KEPT = 40  # files
DAYS = 60
LARGEST = 64 << 20  # bytes
MOST = 2_000_000  # lines of a session


class Store:
    """One session's file, made when there is something to write. Trouble is told once and then lived without."""

    def __init__(self, session: Session, folder: Path, name: str = "") -> None:
        self.session = session
        self.folder = folder
        self.name = name or f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
        self.writer: Writer | None = None
        self.broken = False
        self.written = False

    @property
    def path(self) -> Path:
        return self.folder / f"{self.name}.jsonl"

    def _open(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self.path, flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise
        os.fchmod(descriptor, 0o600)
        self.writer = Writer(descriptor)

    def _write(self, record: dict[str, Any]) -> None:
        if self.broken:
            return
        try:
            if self.writer is None:
                self._open()
                assert self.writer is not None
                if not os.fstat(self.writer.descriptor).st_size:
                    prune(self.folder, self.path)
                    head = {"memsh": __version__, "format": FORMAT, "boot": self.session.begun_with}
                    self.writer.write((json.dumps(head) + "\n").encode("ascii"))
            self.writer.write(spelled(record))
            self.written = True
        except OSError as error:
            self.broken = True
            self.session.stderr.write(f"memsh: {self.path}: {error.strerror}; the journal is not kept on disk\n")

    def ran(self, entry: Entry) -> None:
        """A command has ended."""
        record: dict[str, Any] = {"n": entry.number, "line": entry.line, "changed": entry.changed}
        if entry.replay != entry.line:
            record["run"] = entry.replay
        if not entry.exact:
            record["exact"] = False
        if self.session.box is not None:
            record["mark"] = mark(self.session)
        self._write(record)

    def jumped(self, entry: Entry, whole: bool = False) -> None:
        """restore or reset. A snapshot's script is known from the lines before, unless these are not there."""
        record: dict[str, Any] = {"n": entry.number, "line": entry.line, "jump": entry.replay}
        if whole or not entry.replay.startswith("restore "):
            record["script"] = entry.script
        self._write(record)

    def cut(self, at: int) -> None:
        """undo: the entries from `at` on are no more."""
        self._write({"cut": at})

    def again(self, entry: Entry) -> None:
        """redo of one entry."""
        self._write({"redo": entry.number})

    def snapshot(self, name: str, at: int) -> None:
        self._write({"snapshot": name, "at": at})

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
            self.writer = None


def mark(session: Session) -> int:
    """A short sum of the figures that tell one box from another."""
    figures = session.box.pulse(), len(session.values), session.values[-1:]
    return zlib.crc32(repr(figures).encode("utf-8", "surrogatepass"))


def state_folder() -> Path:
    from platformdirs import user_state_path  # start-up: 4 ms, where a file of the user's is looked for

    return user_state_path("memsh") / "sessions"


def keep_on_disk(session: Session) -> None:
    """From now on the session's journal grows on disk too."""
    timeline = attach(session)
    if timeline.store is None and session.box is not None:
        timeline.store = Store(session, state_folder(), session.resumed)
        if not session.resumed:  # entries of a broken journal begin a new one
            rewrite(timeline)


def prune(folder: Path, mine: Path) -> None:
    """Remove old journals that no living session holds."""
    with contextlib.suppress(OSError):
        names = sorted((path for path in folder.glob("*.jsonl") if path != mine), key=_age, reverse=True)
        oldest = time.time() - DAYS * 86400
        for place, path in enumerate(names):
            if (place >= KEPT - 1 or _age(path) < oldest) and not in_use(path):
                path.unlink(missing_ok=True)


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def in_use(path: Path) -> bool:
    """Whether a living session holds the file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


class Kept(NamedTuple):
    """A journal that was read: its name, the options of its box, its records, and a complaint (or "")."""

    name: str
    boot: dict[str, str]
    records: list[dict[str, Any]]
    complaint: str
    version: str = __version__
    form: int = FORMAT


def read(name: str = "") -> Kept:
    """The journal of that name, or the newest that no living session holds. ShellError if there is none."""
    folder = state_folder()
    if name:
        if "/" in name or name.startswith("."):
            raise ShellError(f"--resume: '{name}' is not the name of a session", 2)
        path = folder / f"{name}.jsonl"
        if not path.is_file():
            known = ", ".join(sorted((found.stem for found in folder.glob("*.jsonl")), reverse=True)[:3])
            raise ShellError(f"--resume: there is no session {name} (kept: {known or 'none'})")
        if in_use(path):
            raise ShellError(f"--resume: {name}: a living memsh has it")
    else:
        names = sorted((found for found in folder.glob("*.jsonl") if found.is_file()), key=_age, reverse=True)
        free = [found for found in names if not in_use(found)]
        if not free:
            raise ShellError("--resume: no session is kept")
        path = free[0]
    try:
        lines = read_whole(path, LARGEST).split(b"\n")
    except OSError as error:
        raise ShellError(f"--resume: {path}: {error.strerror}") from None
    head = _head(path, lines[0])
    form = head.get("format", 1)
    records: list[dict[str, Any]] = []
    complaint = ""
    for number, line in enumerate(lines[1:], 2):
        if not line and number == len(lines):
            break
        try:
            records.append(parsed(line, form))
        except ValueError:
            left = lines[number - 1 :]
            complaint = broken(path, number, len(left) - (not left[-1]), len(b"\n".join(left)))
            break
    return Kept(path.stem, head["boot"], records, complaint, str(head.get("memsh", "")), form)


def _head(path: Path, line: bytes) -> dict[str, Any]:
    """The first line of a journal. ShellError if it is none, or that of a memsh to come."""
    try:
        head = parsed(line, 1)
        boot, form = head.get("boot"), head.get("format", 1)
    except ValueError:
        head, boot, form = {}, None, 1
    if type(form) is int and form > FORMAT:
        raise ShellError(f"--resume: {path.stem} was kept by memsh {head.get('memsh', '?')} in format {form}; this is"
                         f" {__version__}, which knows {FORMAT}: resume it with that one")  # fmt: skip
    words = [word for pair in boot.items() for word in pair] if isinstance(boot, dict) else [None]
    if not all(isinstance(word, str) for word in words) or type(form) is not int or form < 1:
        raise ShellError(f"--resume: {path}:1: not a journal of memsh")
    return head


def broken(path: Path | str, number: int, lines: int, size: int = 0) -> str:
    """What is told of a file that goes wrong at this line: how much is dropped."""
    much = f"{lines} line{'' if lines == 1 else 's'}" + (f" ({size} bytes)" if size else "")
    return f"memsh: {path}:{number}: not a line of a journal: {much} dropped; what stands before it is brought back\n"


def resume(session: Session, kept: Kept) -> int:
    """Bring the session to where the journal ends, and let it grow on; answers how many commands that were."""
    timeline = attach(session)
    complaint = kept.complaint
    for place, record in enumerate(kept.records, 2):
        session.poll()
        try:
            _follow(timeline, record)
        except (KeyError, IndexError, TypeError, ValueError, OverflowError):
            complaint = broken(f"{kept.name}.jsonl", place, len(kept.records) - place + 2)
            break
    lines = {entry.number: entry.line for entry in timeline.entries}
    session.journal[:] = [lines.get(number, "") for number in range(1, max(lines, default=0) + 1)]
    try:
        timeline.travel(len(timeline.entries))
    except ValueError:  # the options of a box in it are none
        raise ShellError(f"--resume: {kept.name}: not a journal of memsh") from None
    timeline.keep()
    timeline.mark()
    if not complaint and kept.records and kept.records[-1].get("mark", mark(session)) != mark(session):
        complaint = "memsh: the box has not come out as it was: another version of memsh, or a mistake in this one\n"
    elif not complaint and kept.version != __version__:
        complaint = f"memsh: this session was kept by memsh {kept.version}; this is {__version__}\n"
    session.stderr.write(complaint)
    whole = not complaint.endswith("brought back\n") and kept.form == FORMAT
    session.resumed = kept.name if whole else ""  # else a file of its own goes on
    return len(timeline.entries)


def rewrite(timeline: Timeline) -> None:
    """Write the whole journal into a new file."""
    assert timeline.store is not None
    for entry in timeline.entries:
        if entry.script is not None:
            timeline.store.jumped(entry, True)
        else:
            timeline.store.ran(entry)


def _follow(timeline: Timeline, record: dict[str, Any]) -> None:
    """One record, as it changed the lists."""
    if "cut" in record:
        timeline.cut(int(record["cut"]))
    elif "redo" in record:
        timeline.entries.append(timeline.undone.pop())
    elif "snapshot" in record:
        timeline.snapshots[str(record["snapshot"])] = Snapshot(None, timeline.script(int(record["at"])))
    else:
        timeline.undone.clear()
        number, line = int(record["n"]), str(record["line"])
        if not 0 < number <= MOST:
            raise ValueError("no such line")
        if "jump" in record:
            jump = str(record["jump"])
            known = record.get("script") or timeline.snapshots[shlex.split(jump)[1]].script
            timeline.entries.append(Entry(number, line, jump, True, None, [str(one) for one in known]))
        else:
            entry = Entry(number, line, str(record.get("run", line)), bool(record["changed"]))
            timeline.entries.append(entry._replace(exact=bool(record.get("exact", True))))
