"""Verifies the bytes of a .pkpass in five named steps.

A pass is valid when
  1. container: the archive opens within the limits,
  2. manifest:  it lists every file with its digest, and nothing else,
  3. signature: it is over this manifest, by a certificate that came with it,
  4. chain:     that certificate leads to a trusted root, and may sign passes,
  5. content:   pass.json names what the certificate names, and obeys Apple's rules.
A step that needs a failed one is skipped, with a note. Hostile bytes never raise;
they make a step fail.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Any, Literal

from passwright.apple import personalization
from passwright.apple.cms import signature as cms_signature
from passwright.apple.cms.signature import find_signer
from passwright.apple.container import pkpass
from passwright.apple.container.limits import THIRD_PARTY_LIMITS
from passwright.apple.container.manifest import check_manifest, name_findings
from passwright.apple.container.stored_archive import read_names
from passwright.apple.context import ValidationContext
from passwright.apple.reading.contents import check_strings, read_document, strings_findings
from passwright.apple.rules.images import check_images
from passwright.apple.rules.layouts import layouts, styles_of
from passwright.apple.rules.pass_json import style_of, validator
from passwright.apple.trust.chain import chain, trace_path
from passwright.errors import InvalidInput
from passwright.images import png
from passwright.report import Finding, Report, error, has_errors, note, warning
from passwright.times import aware_or_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from passwright.apple.cms.parser import SignedData
    from passwright.apple.rules.layouts import Layout
    from passwright.apple.trust.anchors import Trust
    from passwright.apple.trust.chain import Chain

__all__ = ["STEPS", "Verification", "Verifier", "verify"]

STEPS = ("container", "manifest", "signature", "chain", "content")

Outcome = Literal["ok", "failed", "skipped"]


@dataclass(frozen=True)
class Verification:
    """The result of verifying a pass: what was proved, and what was not.

    `steps` maps each step to its outcome. `signed_at` is the time that the
    signature claims, None if it claims none. Identifiers and style are what
    pass.json says, whether or not anything was proved about it. `document` is
    pass.json as it was read, empty when it could not be, and `files` are the files
    of the archive by name, empty when it could not be opened. `found` are the
    findings of each step that ran, all of them.
    """

    steps: Mapping[str, Outcome]
    report: Report
    signed_at: datetime | None = None
    pass_type_identifier: str | None = None
    team_identifier: str | None = None
    serial_number: str | None = None
    style: str | None = None
    chain: Chain | None = field(default=None, repr=False)
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    found: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict, repr=False)

    @property
    def ok(self) -> bool:
        """Every step ran, and nothing is wrong."""
        return all(self.steps.get(step) == "ok" for step in STEPS) and self.report.ok

    @cached_property
    def layouts(self) -> tuple[Layout, ...]:
        """The layout in each version of iOS; computed on first use, empty without a pass.json."""
        nfc = self.chain.nfc if self.chain else None
        return layouts(self.document, self.files, nfc=nfc) if self.document else ()

    @property
    def is_signed(self) -> bool:
        """The signature fits the manifest. Whether its signer is trusted is the step `chain`."""
        return self.steps.get("signature") == "ok"


class _Cached:
    """The caches of one verifier, each bounded: what passes of one signer or one template repeat.

    Keys are certificates, names of files, translations and the headers of pictures. Nothing is kept
    of a pass.json, a manifest, a signature's value or the pixels of a picture, and no time.
    """

    def __init__(self, trust: Trust) -> None:
        self.find_signer = lru_cache(maxsize=64)(find_signer)
        self.trace_path = lru_cache(maxsize=64)(partial(trace_path, trust))
        self.read_names = lru_cache(maxsize=64)(read_names)
        self.name_findings = lru_cache(maxsize=256)(name_findings)
        self.strings_findings = lru_cache(maxsize=64)(strings_findings)
        self.check_pictures = lru_cache(maxsize=64)(check_images)
        self.has_size = lru_cache(maxsize=256)(png.has_size)


class Verifier:
    """Verifies .pkpass files against one trust.

    Keep the verifier for many passes: it caches what passes of one signer or one template have in
    common, up to a few megabytes. Findings do not depend on the passes before. Threads may share it.
    """

    def __init__(self, trust: Trust) -> None:
        self.trust = trust
        self._cached = _Cached(trust)

    def verify(self, data: bytes, *, at: datetime | None = None) -> Verification:
        """Verifies the bytes of a .pkpass in five steps.

        `at` is the moment of the verification, default now; whether certificates were valid is
        asked at the signing time, as devices do.

        Raises:
            TypeError: `data` is not bytes.
            ValueError: `at` is naive.
        """
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"verify takes the bytes of a .pkpass, not {type(data).__name__}")
        moment = aware_or_now(at, "at")
        walk = _Walk(self.trust, moment, self._cached)
        walk.container(bytes(data))
        walk.manifest()
        walk.signature()
        walk.chain()
        walk.content()
        return walk.verdict()


def verify(data: bytes, *, trust: Trust, at: datetime | None = None) -> Verification:
    """Verifies the bytes of one .pkpass: `Verifier(trust).verify(data, at=at)`.

    `trust` says whom to believe: `Trust.apple()`, or an authority of your own. For many
    passes, keep a `Verifier`.

    Raises:
        TypeError: `data` is not bytes.
        ValueError: `at` is naive.
    """
    return Verifier(trust).verify(data, at=at)


class _Walk:
    """The five steps over one pass, and what is known so far."""

    def __init__(self, trust: Trust, at: datetime, cached: _Cached) -> None:
        self.trust = trust
        self.cached = cached
        self.at = at
        self.steps: dict[str, Outcome] = {}
        self.findings: list[Finding] = []
        self.found: dict[str, tuple[Finding, ...]] = {}
        self.files: Mapping[str, bytes] = {}
        self.signed: SignedData | None = None
        self.leaf: bytes | None = None
        self.followed: Chain | None = None
        self.document: dict[str, Any] = {}

    def container(self, data: bytes) -> None:
        try:
            self.files = pkpass.read(data, limits=THIRD_PARTY_LIMITS, names=self.cached.read_names)
        except InvalidInput as exc:
            self.done("container", [error(exc.code, exc.location, exc.message)])
        else:
            self.done("container", [])

    def manifest(self) -> None:
        if self.needs("manifest", "container"):
            # The format knows no other digest. An issuer who lets others choose an image before signing can
            # be shown one of two images with equal SHA-1.
            findings = check_manifest(self.files, names=self.cached.name_findings)
            weak = note("sha1-digests", "manifest.json", "the files are bound to the signature by SHA-1")
            self.done("manifest", [*findings, weak])

    def signature(self) -> None:
        # A file changed later breaks the manifest's digests, not the signature over the
        # manifest: the two are told apart, so this step needs the archive only.
        if not self.needs("signature", "container"):
            return
        try:
            self.signed = cms_signature.parse(self.files.get("signature", b""))
            manifest = self.files.get("manifest.json", b"")
            self.leaf, findings = cms_signature.verify(self.signed, manifest, signer=self.cached.find_signer)
        except InvalidInput as exc:
            self.done("signature", [error(exc.code, exc.location, exc.message)])
        else:
            self.done("signature", findings)

    def chain(self) -> None:
        if not self.needs("chain", "signature") or self.leaf is None or self.signed is None:
            return
        self.followed = chain(
            self.leaf,
            self.signed.certificates,
            trust=self.trust,
            at=self.at,
            signed_at=self.signed.signing_time,
            trace=self.cached.trace_path,
        )
        self.done("chain", self.followed.findings)

    def content(self) -> None:
        if not self.needs("content", "container"):
            return
        signer = self.followed
        about = ValidationContext(
            writing=False,
            personalized=personalization.FILE in self.files,
            files=frozenset(self.files),
            nfc=None if signer is None else signer.nfc,
        )
        try:
            self.document, tolerated = read_document(self.files["pass.json"])
        except InvalidInput as exc:
            self.done("content", [error(exc.code, exc.location, exc.message)])
            return
        findings = [*check_strings(self.files, check=self.cached.strings_findings), *tolerated]
        findings += validator().validate(self.document, about, writing=False)
        findings += personalization.check_files(self.files, writing=False)
        if signer is not None and signer.leaf is not None:
            findings += _same_names(self.document, signer)
        findings += _pictures(self.files, self.cached.has_size)
        findings += self.cached.check_pictures(tuple(self.files), styles_of(self.document))
        self.done("content", findings)

    def needs(self, step: str, needed: str) -> bool:
        """Returns True if `step` can run; otherwise the step is skipped, with a note."""
        if self.steps[needed] == "ok":
            return True
        self.steps[step] = "skipped"
        self.findings.append(note("step-skipped", step, f"{step} was not checked, it needs {needed}"))
        return False

    def done(self, step: str, findings: Iterable[Finding]) -> None:
        found = tuple(findings)
        self.findings += found
        self.found[step] = found
        self.steps[step] = "failed" if has_errors(found) else "ok"

    def verdict(self) -> Verification:
        document = self.document

        def text(key: str) -> str | None:
            value = document.get(key)
            return value if isinstance(value, str) else None

        return Verification(
            steps=self.steps,
            report=Report.from_findings(self.findings),
            signed_at=self.signed.signing_time if self.signed else None,
            pass_type_identifier=text("passTypeIdentifier"),
            team_identifier=text("teamIdentifier"),
            serial_number=text("serialNumber"),
            style=style_of(document),
            chain=self.followed,
            document=document,
            files=self.files,
            found=self.found,
        )


def _same_names(document: Mapping[str, Any], signer: Chain) -> Iterator[Finding]:
    """Compares the names that a device compares with the certificate. Apple, Wallet Passes, Building a
    Pass.
    """
    for code, key, wanted in (
        ("pass-type-mismatch", "passTypeIdentifier", signer.pass_type_identifier),
        ("team-mismatch", "teamIdentifier", signer.team_identifier),
    ):
        if wanted is None or document.get(key) != wanted:
            message = f"{key} is not what the certificate names"
            hint = f"the certificate is for {wanted}" if wanted else "the certificate names none, or several"
            yield error(code, f"pass.json#/{key}", message, hint)
    if document.get("nfc") and not signer.nfc:
        message = "phones refuse NFC in a pass whose certificate is not for NFC"
        yield warning("nfc-needs-certificate", "pass.json#/nfc", message)


def _pictures(files: Mapping[str, bytes], has_size: Callable[[bytes], bool]) -> Iterator[Finding]:
    """Genuine passes hold JPEG under .png names, so what Wallet draws anyway warns."""
    for name, data in files.items():
        if not name.endswith(".png") or has_size(data[: png.HEADER_BYTES]):
            continue
        try:
            png.png_size(data, name=name)
        except InvalidInput as exc:
            yield warning(exc.code, name, exc.message)
