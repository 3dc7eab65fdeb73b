"""Words and marks that SLAB and SLUB tell with."""

IN_USE, WAITING, FREE = "■", "○", "·"  # an object: in use, free and with a CPU, free in its slab


def objects(count: int) -> str:
    return f"{count} object" if count == 1 else f"{count} objects"


def slabs(count: int) -> str:
    return f"{count} slab" if count == 1 else f"{count} slabs"
