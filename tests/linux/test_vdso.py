"""What of the vdso can be read: as the recorded kernels showed it."""

from __future__ import annotations

import pytest

from tests.commands.typed import Typed


@pytest.mark.parametrize(("arch", "addr", "begin"), [
    ("i386", "0xb7ffe000", "7f 45 4c 46 01 01 01 00"), ("x86_64", "0x7ffff7ffd000", "7f 45 4c 46 02 01 01 00"),
])  # fmt: skip
def test_it_is_an_elf_file(arch: str, addr: str, begin: str) -> None:
    assert begin in typed_at(arch, f"hexdump {addr} 16")


def typed_at(arch: str, line: str) -> str:
    return Typed("--arch", arch)(line)


def test_a_report_shows_the_code_that_the_system_call_returns_to() -> None:
    text = typed_at("i386", "alloc_pages 11; dmesg | grep Code: | tail -1")
    assert text.split("Code: ")[1].startswith(
        "03 74 c0 01 10 05 03 74 b8 01 10 06 03 74 b4 01 10 07 03 74 b0 01 10 08 03 74 d8 01 00 00 00 00 00 51 52 55 "
        "89 e5 0f 34 cd 80 <5d> 5a 59 c3 90 90 90 90 8d 76 00 58 "
    )
