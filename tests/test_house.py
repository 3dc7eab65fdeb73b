"""The house rules that a machine can check: import directions, two machines and one kernel, light imports."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import memsh

PACKAGE = Path(memsh.__file__).parent
MAY_IMPORT: dict[str, set[str]] = {
    "linux": set(),
    "inspect": {"linux"},
    "machines": {"linux", "proctext"},
    "libc": {"linux"},
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
EVERYWHERE = {"alike", "digits", "lazy"}  # what may have been meant; what a figure is made of; regular expressions
# the border's types, named in annotations alone: the shell runs none of it
NAMED = {"shell": {"memsh.linux.box", "memsh.linux.config"}}
FLOORS = {"include": 0, "lib": 0, "arch": 1, "config": 2, "mm": 2, "drivers": 3, "fs": 3, "block": 3, "ipc": 3,
          "kernel": 4, "init": 5, "box": 6, "__init__": 6}  # fmt: skip
AS_IN_C = {
    ("arch", "mm"): "setup_arch fills memblock and bounds ZONE_MOVABLE",
    ("arch", "kernel"): "words of the command line",
    ("mm", "kernel"): "the OOM killer panics and sends signals",
    ("fs", "kernel"): "execve ends a task's old life",
    ("ipc", "kernel"): "limits are sysctls",
    ("lib", "arch"): "dump_stack knows registers",
    ("lib", "mm"): "nodes of an xarray are slab objects; dump_stack reads code",
    ("include", "arch"): "a zone's bounds are the machine's",
    ("include", "mm"): "trace events name callers",
}
FILES = sorted(PACKAGE.rglob("*.py"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}
TOOLS = [*sorted((PACKAGE.parent / "scripts").rglob("*.py")), PACKAGE.parent / "tests" / "sessions.py"]
TERMINAL = ("prompt_toolkit", "rich", "pygments", "plotext")
# what only i386 would say: its split of 3 and 1 GiB, its words, where its programs lie
OF_I386 = {0xC0000000, 0xFFFFFFFF, 1 << 32, 0xFFFFF000, 0x08048000, 0xF8000000, 0xFF000000}
EXCEPTIONS = 25
LINES, LINES_OF_A_FUNCTION = 620, 100


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def imported(tree: ast.Module) -> list[tuple[int, str]]:
    """(line, module) of every absolute import in a file."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.append((node.lineno, node.module))
        elif isinstance(node, ast.Import):
            found.extend((node.lineno, alias.name) for alias in node.names)
    return found


def test_imports_go_one_way() -> None:
    wrong = []
    for path, tree in TREES.items():
        room = path.relative_to(PACKAGE).parts[0]
        if room not in MAY_IMPORT:
            continue
        run = {node.lineno for node in imports_at_run_time(tree)}
        for line, module in imported(tree):
            if module in NAMED.get(room, ()) and line not in run:
                continue
            parts = module.split(".")
            inside = parts[0] == "memsh" and len(parts) > 1
            if (
                (inside and parts[1] not in {room, *MAY_IMPORT[room], *EVERYWHERE})
                or (room == "linux" and parts[0] != "memsh" and parts[0] not in sys.stdlib_module_names)
                or (room != "mount" and parts[0] == "mfusepy")
                or (room != "ui" and parts[0] in TERMINAL)
            ):
                wrong.append(f"{name_of(path)}:{line} imports {module}")
    assert wrong == []


def test_no_module_imports_itself_by_way_of_others() -> None:
    """No circle of imports, those inside functions counted, those for annotations alone not."""
    modules = {module_of(path): path for path in FILES}
    graph = {
        name: {target for node in imports_at_run_time(TREES[path]) for target in targets(node, modules)} - {name}
        for name, path in modules.items()
    }
    while True:  # who imports nothing that is left is in no circle
        ends = {name for name, targets in graph.items() if not targets}
        if not ends:
            break
        graph = {name: targets - ends for name, targets in graph.items() if name not in ends}
    assert graph == {}


def test_one_place_says_what_digits_are() -> None:
    """Figures are typed and read as C's: neither digits of other scripts nor superscripts."""
    wrong = [
        f"{name_of(path)}:{node.lineno}"
        for path, tree in TREES.items()
        if name_of(path) != "digits.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in {"isdecimal", "isdigit", "isnumeric"}
    ]
    assert wrong == []


def test_an_import_inside_a_function_says_why() -> None:
    """Start-up time, a library that may be missing: a comment in the line of the import."""
    wrong = []
    for path, tree in TREES.items():
        lines = path.read_text(encoding="utf-8").splitlines()
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                for node in imports_at_run_time(function):
                    if "#" not in "".join(lines[node.lineno - 1 : node.end_lineno]):
                        wrong.append(f"{name_of(path)}:{node.lineno}")
    assert sorted(set(wrong)) == []


def test_no_name_is_defined_and_never_used() -> None:
    """Functions, classes, constants and methods. Uses are counted by name, over the package and the tools beside it.

    Not decidable, and left alone: what a decorator takes, fields, what a class of another library asks for, one of
    several names that are given out together, and names that are put together (`getattr(self, f"do_{verb}")`).
    """
    tools = [ast.parse(path.read_text(encoding="utf-8")) for path in TOOLS]
    used = {name for tree in (*TREES.values(), *tools) for name in names_used(tree)}
    wrong = []
    for path, tree in TREES.items():
        if path == PACKAGE / "client.py":  # for the programs of others
            continue
        joined = tuple(prefixes(tree))
        for line, names in names_defined(tree):
            if used.isdisjoint(names) and not (joined and names[0].startswith(joined)):
                wrong.append(f"{name_of(path)}:{line} {', '.join(names)}")
    assert wrong == []


def names_used(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            yield node.value


def names_defined(tree: ast.Module) -> Iterator[tuple[int, list[str]]]:
    """(line, names given out there) at the top of a module and of its classes."""
    own = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("memsh."):
            own.update(alias.name for alias in node.names)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            if not node.decorator_list or isinstance(node, ast.ClassDef):
                yield node.lineno, [node.name]
        if isinstance(node, ast.ClassDef) and all(isinstance(base, ast.Name) and base.id in own for base in node.bases):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef) and not inner.name.startswith("__"):
                    yield inner.lineno, [inner.name]
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            given = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [k.id for target in given for k in ast.walk(target) if isinstance(k, ast.Name)]
            if names and not names[0].startswith("__"):
                yield node.lineno, names


def prefixes(tree: ast.AST) -> Iterator[str]:
    """What names that are put together in a file begin with: strings such as "p_"."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if re.fullmatch(r"_?[a-z]{1,4}_", node.value):
                yield node.value


def module_of(path: Path) -> str:
    parts = ("memsh", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_at_run_time(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Every import below a node but those under `if TYPE_CHECKING`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif not (isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"):
            yield from imports_at_run_time(node)


def targets(node: ast.Import | ast.ImportFrom, modules: Mapping[str, Path]) -> set[str]:
    """The modules of memsh that an import runs."""
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names} & modules.keys()
    names = {f"{node.module}.{alias.name}" for alias in node.names}
    return names & modules.keys() or {str(node.module)} & modules.keys()


def test_the_kernels_rooms_import_downwards() -> None:
    """Inside of linux/, too, but for what calls upwards in C as well, and for nothing that no longer does."""
    wrong, upwards = [], set()
    for path, tree in TREES.items():
        if path.relative_to(PACKAGE).parts[0] != "linux":
            continue
        room = path.relative_to(PACKAGE).parts[1].removesuffix(".py")
        for node in imports_at_run_time(tree):
            other = str(getattr(node, "module", "") or "").split(".")
            if other[:2] == ["memsh", "linux"] and len(other) > 2 and FLOORS[other[2]] > FLOORS[room]:
                upwards.add((room, other[2]))
                if (room, other[2]) not in AS_IN_C:
                    wrong.append(f"{name_of(path)}:{node.lineno} imports {'.'.join(other)}")
    assert wrong == [] and upwards == AS_IN_C.keys()


def test_every_room_has_its_directions() -> None:
    """A new folder says whom it may import before anything stands in it."""
    assert {path.relative_to(PACKAGE).parts[0] for path in FILES if path.parent != PACKAGE} == set(MAY_IMPORT)


def test_the_kernel_never_prints_or_looks_at_the_host() -> None:
    wrong = []
    for path in sorted((PACKAGE / "linux").rglob("*.py")):
        tree = TREES[path]
        copies = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "__deepcopy__"]
        memo = {inner for node in copies for inner in ast.walk(node)}  # there id() is Python's own protocol
        for node in ast.walk(tree):
            if (
                node not in memo and isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
                and node.func.id in ("print", "open", "input", "id")
            ):  # fmt: skip
                wrong.append(f"{name_of(path)}:{node.lineno} {node.func.id}()")
        for line, module in imported(tree):
            if module in ("time", "random", "os", "datetime", "pathlib"):
                wrong.append(f"{name_of(path)}:{line} imports {module}")
    assert wrong == []


def value(node: ast.AST) -> object:
    """A number as it is spelt: itself, or one shifted left by another."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.LShift):
        left, right = value(node.left), value(node.right)
        return left << right if isinstance(left, int) and isinstance(right, int) and right < 64 else None
    return node.value if isinstance(node, ast.Constant) and type(node.value) is int else None


def test_no_file_outside_arch_and_machines_knows_i386() -> None:
    """A literal that looks like i386 carries its reason, `# not i386: why`; there are few of them."""
    wrong, excused = [], set()
    for path, tree in TREES.items():
        if name_of(path).startswith(("linux/arch/", "machines/")):
            continue
        lines = path.read_text(encoding="utf-8").splitlines()
        for node in ast.walk(tree):
            number = value(node)
            if number in OF_I386 or (isinstance(node, ast.BinOp) and _ends_a_word(node)):
                place = f"{name_of(path)}:{node.lineno}"
                (excused.add if "# not i386: " in lines[node.lineno - 1] else wrong.append)(place)
    assert sorted(set(wrong)) == []
    assert len(excused) <= EXCEPTIONS, sorted(excused)


def _ends_a_word(node: ast.BinOp) -> bool:
    """`(1 << 32) - 1`: the same number as 0xFFFFFFFF."""
    return isinstance(node.op, ast.Sub) and value(node.left) == 1 << 32 and value(node.right) == 1


def test_files_and_functions_are_small() -> None:
    """One idea each: most are far below these."""
    long = [name_of(path) for path in FILES if len(path.read_text(encoding="utf-8").splitlines()) > LINES]
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= LINES_OF_A_FUNCTION:
                long.append(f"{name_of(path)}:{node.lineno} {node.name}")
    assert long == []


def test_a_file_is_named_after_its_idea() -> None:
    """What is cut off a long file is another idea, or it belongs there."""
    assert [name_of(path) for path in FILES if path.stem.endswith(("_more", "_rest", "_misc", "_extra"))] == []


WITHOUT = (
    "prompt_toolkit", "rich", "pygments", "json", "shutil", "memsh.libc.malloc", "memsh.proctext.lines",
    "memsh.procps.top", "memsh.procps.ps", "memsh.teach.figures", "memsh.commands.meanings.rows",
)  # fmt: skip


def test_a_script_loads_what_it_needs() -> None:
    """`memsh -c` must start fast: neither the prompt and its libraries are loaded, nor what other commands stand on."""
    probe = (
        "import sys; from memsh.cli import main; status = main(['-c', 'cat /proc/buddyinfo | head -1']);"
        f"print(status, sorted(m for m in {WITHOUT!r} if m in sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "0 []"
