"""The journal on disk: one file a session, a line of JSON for each command that changed something, written as it ends.

Only a session at a terminal's prompt keeps one, under the XDG state folder (`memsh/sessions/ID.jsonl`). The file is
locked while its session lives, so that two at once never share one; the oldest go when there are too many.
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
from memsh.teach.journal import Entry, Snapshot, attach

if TYPE_CHECKING:
    from memsh.shell.session import Session
    from memsh.teach.journal import Timeline

KEPT = 40  # files
DAYS = 60
LARGEST = 64 << 20  # bytes


class Store:
    """One session's file, made when there is something to write. Trouble is told once and then lived without."""

    def __init__(self, session: Session, folder: Path, name: str = "") -> None:
        self.session = session
        self.folder = folder
        self.name = name or f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
        self.descriptor = -1
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
        self.descriptor = descriptor

    def _write(self, record: dict[str, Any]) -> None:
        if self.broken:
            return
        try:
            if self.descriptor < 0:
                self._open()
                if not os.fstat(self.descriptor).st_size:
                    prune(self.folder, self.path)
                    self._put({"memsh": __version__, "boot": self.session.begun_with})
            self._put(record)
            self.written = True
        except OSError as error:
            self.broken = True
            self.session.stderr.write(f"memsh: {self.path}: {error.strerror}; the journal is not kept on disk\n")

    def _put(self, record: dict[str, Any]) -> None:
        """One write for one line: what is killed in between leaves whole lines."""
        os.write(self.descriptor, (json.dumps(record, ensure_ascii=True) + "\n").encode("ascii"))

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
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def mark(session: Session) -> int:
    """A short sum of the figures that tell one box from another."""
    figures = session.box.pulse(), len(session.values), session.values[-1:]
    return zlib.crc32(repr(figures).encode("utf-8", "surrogatepass"))


def state_folder() -> Path:
    from platformdirs import user_state_path

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
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
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
        free = [found for found in sorted(folder.glob("*.jsonl"), key=_age, reverse=True) if not in_use(found)]
        if not free:
            raise ShellError("--resume: no session is kept")
        path = free[0]
    try:
        if path.stat().st_size > LARGEST:
            raise ShellError(f"--resume: {path}: File too large")
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise ShellError(f"--resume: {path}: {error.strerror}") from None
    records: list[dict[str, Any]] = []
    complaint = ""
    for number, line in enumerate(lines, 1):
        if not line and number == len(lines):
            break
        try:
            record = json.loads(line)
            if not isinstance(record, dict):
                raise ValueError
        except ValueError:
            complaint = f"memsh: {path}:{number}: not a line of a journal; what stands before it is brought back\n"
            break
        records.append(record)
    boot = records[0].get("boot") if records else None
    if not isinstance(boot, dict) or not all(isinstance(word, str) for pair in boot.items() for word in pair):
        raise ShellError(f"--resume: {path}:1: not a journal of memsh")
    return Kept(path.stem, boot, records[1:], complaint, str(records[0].get("memsh", "")))


def resume(session: Session, kept: Kept) -> int:
    """Bring the session to where the journal ends, and let it grow on; answers how many commands that were."""
    timeline = attach(session)
    complaint = kept.complaint
    for place, record in enumerate(kept.records, 2):
        try:
            _follow(timeline, record)
        except (KeyError, IndexError, TypeError, ValueError):
            complaint = (f"memsh: {kept.name}.jsonl:{place}: not a line of a journal; what stands before it is brought"
                         " back\n")  # fmt: skip
            break
    lines = {entry.number: entry.line for entry in timeline.entries}
    session.journal[:] = [lines.get(number, "") for number in range(1, max(lines, default=0) + 1)]
    timeline.travel(len(timeline.entries))
    timeline.keep()
    timeline.mark()
    if not complaint and kept.records and kept.records[-1].get("mark", mark(session)) != mark(session):
        complaint = "memsh: the box has not come out as it was: another version of memsh, or a mistake in this one\n"
    elif not complaint and kept.version != __version__:
        complaint = f"memsh: this session was kept by memsh {kept.version}; this is {__version__}\n"
    session.stderr.write(complaint)
    session.resumed = "" if complaint.endswith("brought back\n") else kept.name
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
        if "jump" in record:
            jump = str(record["jump"])
            known = record.get("script") or timeline.snapshots[shlex.split(jump)[1]].script
            timeline.entries.append(Entry(number, line, jump, True, None, [str(one) for one in known]))
        else:
            entry = Entry(number, line, str(record.get("run", line)), bool(record["changed"]))
            timeline.entries.append(entry._replace(exact=bool(record.get("exact", True))))
