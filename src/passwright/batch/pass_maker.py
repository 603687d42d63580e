"""A row becomes a .pkpass, a save link, or both."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from passwright.batch.rows import BadRow, RowParser
from passwright.errors import LinkTooLong, PassRejected
from passwright.model.validation import template_document, validate_pass
from passwright.report import Finding, error
from passwright.times import aware_or_now

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from passwright import apple, google
    from passwright.batch.rows import Row
    from passwright.google.link import SaveLink
    from passwright.model.template import Pass, Template
    from passwright.signing import SigningRequest

    # A row: its number, its serial, and why it was refused.
    _Known: TypeAlias = tuple[int, str, tuple[Finding, ...]]

__all__ = ["PassMaker", "RowResult"]


@dataclass(slots=True, repr=False)
class RowResult:
    """The result of one row.

    `number` counts rows from 1. `size` is that of `pkpass`, and stays when an
    output has taken the bytes; `crc` is its CRC-32 where the output wants to know.
    `requires` is what has to be inserted at
    Google before the link works: resource name -> JSON text. `to_sign` is what a
    key elsewhere has to sign, where that was asked for. A row that was
    refused has findings of severity error and nothing else; of others only
    errors are collected, never warnings.
    """

    number: int
    serial: str
    pkpass: bytes | None = None
    size: int = 0
    crc: int = 0
    link: str | None = None
    requires: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    to_sign: bytes | None = None

    @property
    def ok(self) -> bool:
        """The pass was made."""
        return not self.findings

    def __repr__(self) -> str:
        state = "made" if self.ok else "refused"
        return f"Made(row {self.number}, {self.serial!r}, {state})"


class PassMaker:
    """Makes passes of one template with builders that are kept.

    `apple` makes the .pkpass, `google` the save link; at least one is given.
    `at` is the signing time and the iat of all of them, default the moment of
    making the maker: the same rows give the same bytes. Threads may share a
    maker. It holds signers, so it can't be pickled: give other processes a
    function that makes one.

    Raises:
        ValueError: neither builder is given, or `at` is naive.
    """

    def __init__(
        self,
        template: Template,
        *,
        apple: apple.PassBuilder | None = None,
        google: google.PassBuilder | None = None,
        at: datetime | None = None,
    ) -> None:
        if apple is None and google is None:
            raise ValueError("a maker needs the builder of a wallet: apple=, google=, or both")
        self.template = template
        self.at = aware_or_now(at, "at")
        self._parse_row = RowParser(template)
        self._apple = apple
        self._google = google

    def check_columns(self, names: Iterable[str]) -> list[Finding]:
        """Returns the faults in the names of columns, before the first row is made."""
        return self._parse_row.check_columns(names)

    def make(self, number: int, row: Row) -> RowResult:
        """Makes the pass, the link, or both, of the row with this number.

        Raises: SigningError: the signer failed. The fault is not in the row, so the run ends.
        """
        (made,) = self.make_all([(number, row)])
        return made

    def make_all(self, rows: Iterable[tuple[int, Row]]) -> Iterator[RowResult]:
        """Yields the results of rows with their numbers, in their order.

        They are put together and judged, then signed, then finished one by one: a
        processor that goes back and forth between the three has to fetch each of
        them into its caches for each row, which costs up to a tenth of a signature.

        Raises:
            SigningError: nobody can sign.
        """
        known, links, pkpasses = self._prepare(rows)
        on_links = [link.sign(link.to_be_signed) if link else b"" for link in links]
        on_passes = [pkpass.sign(pkpass.to_be_signed) if pkpass else b"" for pkpass in pkpasses]
        ready = zip(known, links, on_links, pkpasses, on_passes, strict=True)
        # No finished pass is held here: a chunk has never more than one finished pass in memory.
        for (number, serial, refused), link, on_link, pkpass, on_pass in ready:
            made = RowResult(number, serial, findings=refused)
            if link is not None:
                finished = link.finish(on_link)
                made.link, made.requires = finished.url, finished.requires_text
            if pkpass is not None:
                made.pkpass = pkpass.finish(on_pass)
                made.size = len(made.pkpass)
            yield made

    def to_sign(self, number: int, row: Row) -> RowResult:
        """Returns the result of the row with this number, with the bytes to sign as its `to_sign`.

        Raises:
            SigningError: the certificates aren't valid at the maker's time.
            ValueError: there are builders for both wallets, whose keys differ.
        """
        if self._apple is not None and self._google is not None:
            raise ValueError("each wallet has a key of its own: give one of apple= and google=")
        ((_, serial, refused),), (link,), (pkpass,) = self._prepare([(number, row)])
        unsigned = link or pkpass
        return RowResult(
            number, serial, findings=refused, to_sign=unsigned.to_be_signed if unsigned else None
        )

    def _prepare(
        self, rows: Iterable[tuple[int, Row]]
    ) -> tuple[list[_Known], list[SigningRequest[SaveLink] | None], list[SigningRequest[bytes] | None]]:
        """Prepares each row before anything is signed: its link, and its pass."""
        known: list[_Known] = []
        links: list[SigningRequest[SaveLink] | None] = []
        pkpasses: list[SigningRequest[bytes] | None] = []
        for number, row in rows:
            link, pkpass = None, None
            if isinstance(row, BadRow):
                serial, refused = "", row.findings
            else:
                pass_, unread = self._parse_row(row)
                serial, refused = str(pass_.serial), _chunk_findings(pass_, unread) if unread else ()
                if not unread:
                    try:
                        link = self._google.unsigned(pass_, issued_at=self.at) if self._google else None
                        pkpass = self._apple.unsigned(pass_, at=self.at) if self._apple else None
                    except (PassRejected, LinkTooLong) as exc:
                        link, refused = None, _findings(exc)
            known.append((number, serial, refused))
            links.append(link)
            pkpasses.append(pkpass)
        return known, links, pkpasses

    def __reduce__(self) -> NoReturn:
        raise TypeError("a maker holds signers and can't be pickled: give a function that makes one")

    @property
    def signs_slowly(self) -> bool:
        """Signing takes long, without the interpreter's lock, so that threads pay: RSA, or keys elsewhere."""
        identity = self._apple.identity if self._apple else None
        return identity is None or not hasattr(identity.public_key, "curve")

    @cached_property
    def fingerprint(self) -> str:
        """Tells whether two makers make the same of a row, but for the time: 64 hexadecimal digits."""
        template = self.template
        says = {
            "template": template_document(template),
            "pictures": {
                name: sha256(data).hexdigest() for name, data in sorted(template.images.files.items())
            },
            "translations": template.translations,
            "apple": self._apple and self._apple.identity and self._apple.identity.key_id,
            "google": self._google and self._google.issuer and self._google.issuer.issuer_id,
        }
        return sha256(json.dumps(says, sort_keys=True, default=str).encode()).hexdigest()


def _findings(refusal: PassRejected | LinkTooLong) -> tuple[Finding, ...]:
    if isinstance(refusal, LinkTooLong):
        return (error("link-too-long", "link", str(refusal)),)
    return refusal.report.errors


def _chunk_findings(pass_: Pass, unread: list[Finding]) -> tuple[Finding, ...]:
    """Cells that can't be read, with everything else that is wrong with the pass."""
    said = {finding.location for finding in unread}
    return (*unread, *(found for found in validate_pass(pass_) if found.location not in said))
