"""box COMMAND …: one request to the box that this program's namespace shows. Stands alone, and starts fast: run with
`python -I -S`, it imports nothing but what is built in. Called by another name, it is the command of that name."""

import _socket
import os
import sys
from _json import encode_basestring_ascii as quoted
from _json import scanstring
from posix import environ, read, write

USAGE = b"""\
usage: box COMMAND [ARGUMENT ...]   run a command of memsh on the box; one argument is a whole line
       box -i COMMAND ...           the same, with this program's standard input
       box --python [FILE ...]      Python, with: from memsh.client import Box
"""


def everything(fd: int) -> bytes:
    parts = []
    while part := read(fd, 1 << 16):
        parts.append(part)
    return b"".join(parts)


def write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[write(fd, data) :]


def answer_of(text: str) -> tuple[int, str, str]:
    """(status, stdout, stderr) of the answer, whose members come in this order."""
    begin = text.index(":") + 1
    end = text.index(",", begin)
    out, place = scanstring(text, text.index('"stdout": "', end) + 11)
    err, place = scanstring(text, text.index('"stderr": "', place) + 11)
    return int(text[begin:end]), out, err


def python(words: list[str]) -> int:
    path = environ.get(b"MEMSH_PYTHON", sys.executable.encode())
    places = (os.environ.get("MEMSH_PATH"), os.environ.get("PYTHONPATH"))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, places))
    os.execv(path, [path, *(word.encode("utf-8", "surrogateescape") for word in words)])
    return 127


def main() -> int:
    words = list(sys.argv[1:])
    name = sys.argv[0].rpartition("/")[2]
    if name not in ("box", "box_client.py"):
        words.insert(0, name)
    elif words[:1] == ["--python"]:
        return python(words[1:])
    elif not words or words[0] in ("-h", "--help"):
        write_all(1 if words else 2, USAGE)
        return 0 if words else 2
    stdin = ""
    if words[0] == "-i":
        del words[0]
        stdin = everything(0).decode("utf-8", "surrogateescape")
    place = environ.get(b"MEMSH_SOCKET")
    if not place:
        write_all(2, b"box: MEMSH_SOCKET is not set: this program runs on no box\n")
        return 127
    stream = _socket.socket(1, 1)  # AF_UNIX, SOCK_STREAM
    try:
        stream.connect(place)
    except OSError as error:
        write_all(2, b"box: the box has ended (" + str(error.strerror).encode() + b")\n")
        return 127
    listed = ", ".join(map(quoted, words))
    data = f'{{"words": [{listed}], "stdin": {quoted(stdin)}}}'.encode()
    stream.sendall(len(data).to_bytes(4, "big") + data)
    head = b""
    while len(head) < 4 and (part := stream.recv(4 - len(head))):
        head += part
    length, parts = int.from_bytes(head, "big"), []
    while length and (part := stream.recv(length)):
        parts.append(part)
        length -= len(part)
    if len(head) < 4 or length:
        write_all(2, b"box: the box has ended\n")
        return 127
    status, out, err = answer_of(b"".join(parts).decode())
    try:
        write_all(1, out.encode("utf-8", "surrogateescape"))
        write_all(2, err.encode("utf-8", "surrogateescape"))
    except BrokenPipeError:
        return 141
    return status


if __name__ == "__main__":
    sys.exit(main())
