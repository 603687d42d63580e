"""Keys that no program reaches: what has to be signed goes out as a file, signatures come back as one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from passwright import atomic_file
from passwright.apple.identity import Identity
from passwright.cli import files, json_output, output
from passwright.errors import UsageError
from passwright.signers import offline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from passwright import batch
    from passwright.signing import Signer, SigningRequest

__all__ = ["Files", "emit", "signatures", "without_key", "write_orders"]

# An RSA signature of 16,384 bits has 2,048 bytes; signed attributes have 107, header and claims up to 1,800.
MAX_BYTES = 4096


@dataclass(frozen=True)
class Files:
    """The options for a key elsewhere: the file for the bytes to sign, or the signature."""

    emit: Path | None
    signature: Path | None
    tbs: Path | None

    def __bool__(self) -> bool:
        return self.emit is not None or self.signature is not None

    def check(self, way: str, *, keyless: str) -> None:
        """Refuses options that don't go together; `way` is who signs, `keyless` names a key elsewhere.

        Raises:
            UsageError: they don't.
        """
        if self and way in ("--p12", "--unsigned", "--service-account", "--key"):
            raise UsageError(f"{way} goes without --emit-tbs and --signature: give {keyless}")
        if self.emit is not None and self.signature is not None:
            raise UsageError("--emit-tbs makes nothing yet, so --signature comes later: leave it out")
        if self.tbs is not None and self.signature is None:
            raise UsageError("--tbs goes with --signature")

    def target(self, out: Path | None) -> Path:
        """The file to write.

        Raises:
            UsageError: there is none, or one too many.
        """
        if self.emit is not None and out is not None:
            raise UsageError("--emit-tbs makes nothing yet, so --out comes later: leave it out")
        target = self.emit or out
        if target is None:
            raise UsageError("--out FILE is missing: where the pass is to be written")
        return target

    def signer(self) -> Signer:
        """Answers with the signature, or with nothing while there is none."""
        if self.signature is None:
            return offline.AirGapSigner()
        # Before what it is over: that is named after it, and would be missed first.
        signature = files.read(self.signature, MAX_BYTES)
        message = files.read(self._message, MAX_BYTES)
        # Its maker is trusted no further: identity and issuer verify it like any answer of a signer.
        return offline.AirGapSigner([(sha256(message).digest(), signature)])

    @property
    def _message(self) -> Path:
        assert self.signature is not None  # noqa: S101 -- the caller has asked
        return self.tbs or self.signature.with_suffix(".tbs")

    def time(
        self, signed_time: Callable[[bytes], datetime], made: Callable[[datetime], SigningRequest[Any]]
    ) -> datetime:
        """Returns the signing time: the time that was written with the bytes to sign, otherwise now.

        `signed_time` reads it out of those bytes, `made` makes them again for comparison.

        Raises:
            InvalidInput: the file is not what --emit-tbs wrote.
            OSError: there is no such file.
            UsageError: what was signed is something else.
        """
        if self.signature is None:
            # Signatures and tokens say whole seconds.
            return datetime.now(UTC).replace(microsecond=0)
        message = files.read(self._message, MAX_BYTES)
        with files.naming(self._message):
            at = signed_time(message)
        if made(at).to_be_signed != message:
            raise UsageError(
                f"{self._message}: this was written for other values, another template, certificate or "
                "issuer: give the same ones, or let it be signed anew"
            )
        return at


def emit(
    out: Path, message: bytes, what: str, *, then: str = "", document: Mapping[str, Any] | None = None
) -> int:
    """Writes what has to be signed, and says what to do with it, or how the document goes on with --json.

    `what` is what it is for, `then` what the next command needs besides.
    """
    atomic_file.write(out, message)
    if document is not None:
        output.print_document({**document, "to_sign_sha256": sha256(message).hexdigest()})
        return 0
    console = output.console()
    console.print(f"{output.safe_text(out)}: what has to be signed for {what}")
    signature = output.shell_quote(out.with_suffix(".sig"))
    console.print(
        f"Where the key is: openssl dgst -sha256 -sign KEY -out {signature} {output.shell_quote(out)}"
    )
    console.print(f"Then the same command with --signature {signature}{then} instead of --emit-tbs")
    return 0


def without_key(identity: Identity, signer: Signer) -> Identity:
    """Returns an identity with the same certificates, and a signer in place of the key."""
    return Identity(certificate=identity.certificate, intermediate=identity.intermediate, signer=signer)


# --- batches ---


def signatures(path: Path) -> tuple[datetime, Iterator[offline.Signed]]:
    """The signing time that the lines of a file agree on, and their signatures, read as they are needed.

    Raises:
        InvalidInput: the first line is not what was asked for with a signature added.
        OSError: the file can't be read.
    """

    def lines() -> Iterator[bytes]:
        with path.open("rb") as file:
            yield from iter(lambda: file.readline(offline.MAX_LINE_BYTES), b"")

    return offline.read(lines(), name=str(path))


def write_orders(path: Path, maker: batch.PassMaker, rows: Iterable[batch.Row]) -> tuple[int, Path | None]:
    """Writes a line for each pass that has to be signed, and beside it one for each row that was refused.

    Answers how many there are to sign, and where the refused ones are.
    """
    orders = _Orders(maker, rows)
    atomic_file.write(path, orders)
    listed = path.with_name(f"{path.name}.refused.jsonl")
    if not orders.refused:
        listed.unlink(missing_ok=True)
        return orders.written, None
    atomic_file.write(
        listed, (json.dumps(each, ensure_ascii=False).encode() + b"\n" for each in orders.refused)
    )
    return orders.written, listed


class _Orders:
    """The lines that ask for signatures, made as they are written."""

    def __init__(self, maker: batch.PassMaker, rows: Iterable[batch.Row]) -> None:
        self._maker, self._rows = maker, rows
        self.written = 0
        self.refused: list[dict[str, Any]] = []

    def __iter__(self) -> Iterator[bytes]:
        for number, row in enumerate(self._rows, start=1):
            made = self._maker.to_sign(number, row)
            if made.to_sign is None:
                self.refused.append(
                    {"row": number, "serial": made.serial, "findings": json_output.findings(made.findings)}
                )
                continue
            self.written += 1
            yield json.dumps(offline.order(made.serial, made.to_sign, at=self._maker.at)).encode() + b"\n"
