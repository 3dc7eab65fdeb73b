"""The socket that `box` and memsh.client speak to: length-prefixed JSON, one request at a time.

A request is four bytes (its length, big endian) and `{"words": [...]}` or `{"line": "..."}`, with `"stdin": "..."`
where there is some; the answer is `{"status": N, "stdout": "...", "stderr": "..."}`. One word is a line of memsh,
several are a command and its arguments. Values are printed bare, the words beside them go to stderr.

**Known deviations:** a client works as the box's current process, whoever it is on the host; it may not write to the
host, nor read from it (`save`, `source`, `procdump`).
"""

from __future__ import annotations

import json
import select
import shlex
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memsh.mount.serve import turn_of
from memsh.shell.errors import INTERRUPTED, Leave, OutputGone
from memsh.shell.io import Capture, OuterInput, TextInput
from memsh.shell.lines import run_lines
from memsh.shell.run import Runner

if TYPE_CHECKING:
    from memsh.shell.session import Session

LARGEST = 16 << 20  # bytes of a request
FAILED = 70


def receive(stream: socket.socket, length: int) -> bytes:
    """Exactly `length` bytes; fewer if the other side has gone."""
    parts = []
    while length:
        part = stream.recv(min(length, 1 << 20))
        if not part:
            break
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def run_for_client(session: Session, text: str, stdin: str = "", *, may_host: bool = False) -> tuple[int, str, str]:
    """Run a line as a program of its own would: (status, standard output, standard error). `may_host`: it may read and
    write files of the host."""
    out, err = Capture(), Capture()
    kept = (session.is_tty, session.at_prompt, session.live, session.ticker, session.no_host, session.aside,
            session.after_command, session.stdout, session.stderr, session.stdin)  # fmt: skip
    session.is_tty = session.at_prompt = False
    session.live = session.ticker = None
    session.no_host, session.aside, session.after_command = not may_host, err, []
    session.stdout, session.stderr, session.stdin = out, err, OuterInput(
        TextInput(stdin).readline, session
    )
    try:
        status = run_lines(Runner(session, out, err, session.stdin, captured=True), text)
    except Leave as leave:
        status = leave.status
    except OutputGone:
        status = 141
    finally:
        (session.is_tty, session.at_prompt, session.live, session.ticker, session.no_host, session.aside,
         session.after_command, session.stdout, session.stderr, session.stdin) = kept  # fmt: skip
    return status, out.text(), err.text()


def line_of(request: dict[str, Any]) -> str:
    """The line that a request asks for. ValueError if it is none."""
    words = request.get("words")
    if isinstance(request.get("line"), str):
        return str(request["line"])
    if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
        raise ValueError("a request has words or a line")
    return words[0] if len(words) == 1 else shlex.join(words)


def hangup_of(stream: socket.socket) -> Callable[[], bool]:
    """Whether the other side has closed its end for good."""
    poll = select.poll()
    poll.register(stream, select.POLLHUP)
    return lambda: bool(poll.poll(0))


class Server:
    """Listens at `path` until `end()`."""

    def __init__(self, session: Session, path: Path) -> None:
        self.session = session
        self.path = path
        self.turn = turn_of(session)
        with suppress(FileNotFoundError):
            path.unlink()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        path.chmod(0o600)
        self.listener.listen(64)
        threading.Thread(target=self._accept, daemon=True, name="memsh-socket").start()

    def _accept(self) -> None:
        while True:
            try:
                stream, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(stream,), daemon=True).start()

    def _talk(self, stream: socket.socket) -> None:
        with stream, suppress(OSError):
            while True:
                head = receive(stream, 4)
                if len(head) < 4:
                    return
                length = int.from_bytes(head, "big")
                if length > LARGEST:
                    self._answer(stream, 2, "", f"memsh: a request of {length} bytes is too long\n")
                    return
                data = receive(stream, length)
                if len(data) < length:
                    return
                try:
                    request = json.loads(data)
                    text = line_of(request)
                    stdin = str(request.get("stdin", ""))
                except (ValueError, AttributeError) as error:
                    self._answer(stream, 2, "", f"memsh: not a request: {error}\n")
                    return
                self._answer(stream, *self._run(text, stdin, hangup_of(stream)))

    def _run(self, text: str, stdin: str, gone: Callable[[], bool]) -> tuple[int, str, str]:
        """Who goes away while the line waits or runs ends it, as Ctrl-C would."""
        session = self.session
        try:
            with self.turn.line(gone):
                session.hangup = gone
                try:
                    return run_for_client(session, text, stdin)
                finally:
                    session.hangup = None
        except InterruptedError:
            return INTERRUPTED, "", ""
        except Exception as error:
            sys.stderr.write(f"memsh: {text.splitlines()[0][:60]}: {type(error).__name__}: {error}\n")
            return FAILED, "", f"memsh: this is a bug in memsh: {type(error).__name__}: {error}\n"

    @staticmethod
    def _answer(stream: socket.socket, status: int, out: str, err: str) -> None:
        data = json.dumps({"status": status & 0xFF, "stdout": out, "stderr": err}).encode()
        stream.sendall(len(data).to_bytes(4, "big") + data)

    def end(self) -> None:
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with suppress(OSError):
            self.path.unlink()
