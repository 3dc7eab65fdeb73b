"""swaplabel and ipcmk: what they change can be seen by others."""

from tests.commands.typed import Typed


def test_a_new_label_and_uuid_are_what_swapon_finds(typed: Typed) -> None:
    typed("mkswap -L abc /dev/vda")
    assert typed("swaplabel /dev/vda").startswith("LABEL: abc\nUUID:  ")
    assert typed("swaplabel -L 12345678901234567890 -U 01234567-89ab-4def-8123-456789abcdef /dev/vda") == (
        "swaplabel: label is too long. Truncating it to '123456789012345'\n"
    )
    assert typed("swaplabel /dev/vda") == "LABEL: 123456789012345\nUUID:  01234567-89ab-4def-8123-456789abcdef\n"
    assert typed("swapon -L 123456789012345; swapon --show=NAME --noheadings; swapoff -a") == "/dev/vda\n"
    assert typed("swaplabel /etc/passwd") == "swaplabel: /etc/passwd: not a valid swap partition\n"
    assert typed("swaplabel -U zz /dev/vda") == "swaplabel: failed to parse UUID: zz\n"


def test_a_segment_has_its_size_and_mode(typed: Typed) -> None:
    assert typed("ipcmk -p 600 -M 1MiB") == "Shared memory id: 0\n"
    assert typed("ipcs -m | grep root").split()[1:5] == ["0", "root", "600", "1048576"]
    assert typed("ipcmk -M 0") == "ipcmk: create share memory failed: Invalid argument\n"
    assert typed("ipcmk -M 1x") == "ipcmk: failed to parse size: '1x': Invalid argument\n"
    assert typed("ipcmk -Q") == "ipcmk: create message queue failed: Function not implemented\n"
