"""The house rules that a machine can check: import directions, documented commands, light imports."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import memsh

PACKAGE = Path(memsh.__file__).parent
MAY_IMPORT: dict[str, set[str]] = {
    "linux": set(),
    "inspect": {"linux"},
    "machines": {"linux", "proctext"},
    "libc": {"linux", "machines"},
    "procfs": {"linux"},
    "proctext": set(),
    "diagnosis": {"proctext"},
    "procps": {"proctext"},
    "shell": set(),
    "textutils": {"shell"},
    "commands": {
        "linux", "machines", "inspect", "libc", "procfs", "proctext", "diagnosis", "procps", "shell", "textutils",
    },
    "teach": {"commands", "shell", "linux", "machines", "inspect", "procfs", "proctext", "procps", "libc", "textutils"},
    "mount": {"procfs", "commands", "shell", "linux", "machines"},
    "ui": {"teach", "commands", "shell", "linux", "machines", "inspect", "procfs", "proctext", "procps", "libc"},
}
FILES = sorted(PACKAGE.rglob("*.py"))


def imported(path: Path) -> list[tuple[int, str]]:
    """(line, module) of every absolute import in a file."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.append((node.lineno, node.module))
        elif isinstance(node, ast.Import):
            found.extend((node.lineno, alias.name) for alias in node.names)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0]
    if room not in MAY_IMPORT:
        return
    for line, module in imported(path):
        parts = module.split(".")
        if parts[0] == "memsh" and len(parts) > 1:
            assert parts[1] == room or parts[1] in MAY_IMPORT[room], f"{path}:{line} imports {module}"
        if room == "linux" and parts[0] != "memsh":
            assert parts[0] in sys.stdlib_module_names, f"{path}:{line} imports {module}"
        if room != "mount":
            assert parts[0] != "mfusepy", f"{path}:{line} imports {module}"
        if room != "ui":
            assert parts[0] not in ("prompt_toolkit", "rich", "pygments"), f"{path}:{line} imports {module}"


@pytest.mark.parametrize("path", sorted((PACKAGE / "linux").rglob("*.py")), ids=str)
def test_the_kernel_never_prints_or_looks_at_the_host(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    copies = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "__deepcopy__"]
    memo = {inner for node in copies for inner in ast.walk(node)}  # there id() is Python's own protocol
    for node in ast.walk(tree):
        if node not in memo and isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("print", "open", "input", "id"), f"{path.name}:{node.lineno} {node.func.id}()"
    assert not {module for _, module in imported(path)} & {"time", "random", "os", "datetime", "pathlib"}


def test_a_script_loads_no_terminal_library() -> None:
    """`memsh -c` must start fast: neither the prompt nor its libraries are loaded."""
    probe = (
        "import sys; from memsh.cli import main; status = main(['-c', 'cat /proc/buddyinfo | head -1']);"
        "print(status, sorted(m for m in ('prompt_toolkit', 'rich', 'pygments') if m in sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "0 []"
