"""A fake page of an authority's certificates, over real HTTPS on this machine.

    with CertificatePage() as page:
        page.files["/certificateauthority/WWDR.cer"] = authority.intermediate
        https_get(f"{page.url}/certificateauthority/WWDR.cer", context=page.context)

What it is told to do wrong it does: statuses, redirections, too much, too slowly.
"""

from __future__ import annotations

import ipaddress
import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

from passwright.examples.certificates import new_key

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

__all__ = ["CertificatePage"]


class CertificatePage:
    """A server that answers GET over HTTPS, from `with` to the end of the block.

    `files` maps paths to what they hold, `statuses` paths to a status other
    than 200, `redirects` paths to a place elsewhere. Paths in `slow` get their
    answer one byte every tenth of a second. `seen` lists the paths asked for.
    `authority` is the PEM of the certificate to trust, `context` trusts it.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.statuses: dict[str, int] = {}
        self.redirects: dict[str, str] = {}
        self.slow: set[str] = set()
        self.seen: list[str] = []
        self.authority, self._key = _certificate()
        self.stopped = Event()
        self._server: _Server | None = None

    @property
    def url(self) -> str:
        """The base URL, without a slash at the end.

        Raises:
            ValueError: it is not running.
        """
        if self._server is None:
            raise ValueError("this page is not served: use it in a with statement")
        return f"https://127.0.0.1:{self._server.server_port}"

    @property
    def context(self) -> ssl.SSLContext:
        """Trust in this server and in nobody else."""
        return ssl.create_default_context(cadata=self.authority.decode())

    def __enter__(self) -> Self:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as folder:
            chain = Path(folder) / "server.pem"
            chain.touch(mode=0o600)
            chain.write_bytes(self.authority + self._key)
            context.load_cert_chain(chain)
        self._server = _Server(self, context)
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopped.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._server = None


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, page: CertificatePage, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        # The handshake is done by the thread of a request: who never finishes it keeps nobody waiting.
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.page = page

    def handle_error(self, *_: object) -> None:
        """Says nothing on standard error: clients that hang up are what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10.0

    # The name is the one that http.server looks for.
    def do_GET(self) -> None:
        page, path = self.server.page, self.path
        page.seen.append(path)
        body = page.files.get(path, b"")
        status = page.statuses.get(path, 200 if path in page.files else 404)
        if path in page.redirects:
            self.send_response(302)
            self.send_header("Location", page.redirects[path])
        else:
            self.send_response(status)
        self.send_header("Content-Type", "application/pkix-cert")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if path not in page.slow:
            self.wfile.write(body)
            return
        for octet in body:
            if page.stopped.wait(0.1):
                return
            self.wfile.write(bytes((octet,)))
            self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Says nothing on standard error; `seen` has it."""


def _certificate() -> tuple[bytes, bytes]:
    """A certificate for this machine that signs itself, and its key, in PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    from cryptography.x509.oid import NameOID

    key = new_key(ec=True)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Passwright throw-away page")])
    # TLS asks the clock of the system, so this one does as well.
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                key_cert_sign=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                crl_sign=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return made.public_bytes(Encoding.PEM), private
