"""A pool of throw-away private keys: making an RSA key takes as long as thirty signatures.

`python -m tests.keys` writes the file anew. Nobody trusts a key of the pool.
"""

from __future__ import annotations

from functools import cache
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from cryptography.hazmat.primitives.asymmetric import dsa, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

FILE = Path(__file__).with_suffix(".pem")
NUMBER = 24
# Keys that the product refuses or seldom meets.
ODD: dict[str, Callable[[], PrivateKeyTypes]] = {
    "rsa 1024": lambda: rsa.generate_private_key(65537, 1024),
    "rsa 2047": lambda: rsa.generate_private_key(65537, 2047),
    "rsa 3072": lambda: rsa.generate_private_key(65537, 3072),
    "rsa 4096": lambda: rsa.generate_private_key(65537, 4096),
    "rsa exponent 3": lambda: rsa.generate_private_key(3, 2048),
    "dsa 1024": lambda: dsa.generate_private_key(1024),
    "dsa 2048": lambda: dsa.generate_private_key(2048),
}


@cache
def _pem() -> list[bytes]:
    end = b"-----END PRIVATE KEY-----\n"
    return [block + end for block in FILE.read_bytes().split(end)[:-1]]


@cache
def _load(index: int) -> PrivateKeyTypes:
    # Checking that a number is prime takes longer than a signature.
    return load_pem_private_key(_pem()[index], None, unsafe_skip_rsa_key_validation=True)


def odd_key(name: str) -> Any:
    """The key of this name in `ODD`, always the same."""
    return _load(NUMBER + list(ODD).index(name))


_turn = cycle(range(NUMBER))


def rsa_key() -> rsa.RSAPrivateKey:
    """An RSA key of 2,048 bits: another one with each call, until the pool begins again."""
    return cast("rsa.RSAPrivateKey", _load(next(_turn)))


def main() -> None:
    made = [rsa.generate_private_key(65537, 2048) for _ in range(NUMBER)]
    keys: list[PrivateKeyTypes] = [*made, *(make() for make in ODD.values())]
    FILE.write_bytes(
        b"".join(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) for key in keys)
    )


if __name__ == "__main__":
    main()
