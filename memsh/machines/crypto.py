"""/proc/crypto: the algorithms that the kernel has, the newest first (crypto/proc.c)."""

from __future__ import annotations

_TABLE = """
    {extra}
    crc32c crc32c-generic 100 3 shash 1 4
    aes aes-generic 100 1 cipher 16 16 32
    sha3-512 sha3-512-generic 0 1 shash 72 64
    sha3-384 sha3-384-generic 0 1 shash 104 48
    sha3-256 sha3-256-generic 0 1 shash 136 32
    sha3-224 sha3-224-generic 0 1 shash 144 28
    sha384 sha384-generic 100 1 shash 128 48
    sha512 sha512-generic 100 1 shash 128 64
    sha224 sha224-generic 100 1 shash 64 28
    sha256 sha256-generic 100 1 shash 64 32
    {sha1}
    md5 md5-generic 0 1 shash 64 16
    ecb(cipher_null) ecb-cipher_null 100 1 skcipher no 1 0 0 0 1 1
    digest_null digest_null-generic 0 1 shash 1 0
    compress_null compress_null-generic 0 1 compression
    cipher_null cipher_null-generic 0 1 cipher 1 0 0
    rsa rsa-generic 100 1 akcipher
"""
_RANDOM = "\n".join(
    ["ghash ghash-generic 100 1 shash 16 16",
     *(f"stdrng drbg_{kind}_hmac_sha{bits} {first - at} 1 rng 0" for kind, first in (("nopr", 207), ("pr", 203))
       for at, bits in enumerate((512, 256, 384, 1)))]
)  # fmt: skip
_COMPRESSION = """
    lzo-rle lzo-rle-scomp 0 1 scomp
    lzo-rle lzo-rle-generic 0 1 compression
    lzo lzo-scomp 0 3 scomp
    lzo lzo-generic 0 1 compression
"""
_FIELDS = {  # of each type
    "cipher": ("blocksize", "min keysize", "max keysize"), "rng": ("seedsize",), "shash": ("blocksize", "digestsize"),
    "skcipher": ("async", "blocksize", "min keysize", "max keysize", "ivsize", "chunksize", "walksize"),
}  # fmt: skip


def _show(table: str) -> str:
    """A paragraph for each row: name, driver, priority, references, type, and what the type tells."""
    text = ""
    for row in table.strip().splitlines():
        name, driver, priority, references, kind, *rest = row.split() or [""] * 5
        if not name:
            continue
        rows = {"name": name, "driver": driver, "module": "kernel", "priority": priority, "refcnt": references,
                "selftest": "passed", "internal": "no", "type": kind,
                **dict(zip(_FIELDS.get(kind, ()), rest, strict=True))}  # fmt: skip
        text += "".join(f"{key:<12} : {value}\n" for key, value in rows.items()) + "\n"
    return text


I386 = _show(_TABLE.format(extra="jitterentropy_rng jitterentropy_rng 100 1 rng 0\n" + _RANDOM, sha1=""))
X86_64 = _show(_TABLE.format(extra=_RANDOM + _COMPRESSION, sha1="sha1 sha1-generic 100 2 shash 64 20"))
