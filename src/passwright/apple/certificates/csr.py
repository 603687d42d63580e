"""A key and the request for a certificate that Apple's portal takes (PKCS #10, RFC 2986)."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["CertificateRequest", "make"]

# Apple issues pass certificates for RSA keys of this size.
BITS = 2048
NAME = "Pass Type ID"


class CertificateRequest(NamedTuple):
    """A private key (PKCS #8) and the request made with it, both in PEM."""

    key: bytes
    request: bytes

    def __repr__(self) -> str:
        return "SigningRequest(hidden)"


def make(*, name: str = NAME, password: bytes | str | None = None) -> CertificateRequest:
    """A new RSA-2048 key, encrypted where a password is given, and a request signed with SHA-256.

    `name` becomes the common name of the request. Apple takes nothing from it
    but the public key, and writes a subject of its own.

    Raises:
        ValueError: the name is empty, or longer than 64 characters (RFC 5280, upper bounds).
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        KeySerializationEncryption,
        NoEncryption,
        PrivateFormat,
    )
    from cryptography.x509.oid import NameOID

    secret = password.encode() if isinstance(password, str) else password
    how: KeySerializationEncryption = BestAvailableEncryption(secret) if secret else NoEncryption()
    # A traceback that shows local variables must not show it.
    del password, secret
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    key = generate_private_key(65537, BITS)
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, SHA256())
    return CertificateRequest(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how), request.public_bytes(Encoding.PEM)
    )
