"""A fake Apple: root, intermediate and pass certificates in Apple's shape.

Nothing made here is trusted by any system; every subject says it. Keys made here are for tests and
examples, and are stored without care.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from passwright.apple.identity import Identity
from passwright.apple.trust import certificate as x
from passwright.examples.certificates import (
    AFTER,
    BEFORE,
    PASS_TYPE,
    TEAM,
    Issued,
    Leaf,
    make_ca,
    make_leaf,
    new_key,
)
from passwright.examples.pem_files import EXAMPLE_PASSWORD, write_authority, write_identity
from passwright.times import require_aware

if TYPE_CHECKING:
    from datetime import datetime

    from passwright.apple.trust.anchors import Trust
    from passwright.signing import PrivateKey

__all__ = [
    "EXAMPLE_PASSWORD",
    "EXAMPLE_TEMPLATES",
    "PASS_TYPE",
    "TEAM",
    "Authority",
    "Issued",
    "Leaf",
    "example_directory",
    "example_template_directory",
    "new_key",
]

TEAM_LENGTH = 10


class Authority:
    """A root, an intermediate under it, and the pass certificates it issues.

    `Authority.create` makes one in memory; `Authority.example` reads the one in
    `certs.example`, which can't issue anything new since the private keys of
    its root and intermediate were thrown away.
    """

    def __init__(
        self,
        root: bytes | Issued,
        intermediate: bytes | Issued,
        *,
        now: datetime | None = None,
        identities: tuple[Identity, ...] = (),
    ) -> None:
        self.root = root.certificate if isinstance(root, Issued) else root
        self.intermediate = intermediate.certificate if isinstance(intermediate, Issued) else intermediate
        self._issuer = intermediate if isinstance(intermediate, Issued) else None
        self._root = root if isinstance(root, Issued) else None
        self._now = now
        self._identities = {
            Leaf(
                pass_type=one.pass_type_identifier,
                team=one.team_identifier,
                nfc=one.nfc,
                ec=one.public_key.key_size < 1024,  # noqa: PLR2004  # no RSA key is that short
            ): one
            for one in identities
        }
        self._keys: dict[bool, PrivateKey] = {}
        self._serials = count(1)

    @classmethod
    def create(cls, *, now: datetime, key_size: int = 2048) -> Authority:
        """Makes an authority that is valid from five years before `now` to thirty years after.

        `key_size` is the size of the RSA keys of root and intermediate, in bits.

        Raises:
            ValueError: `now` is naive.
        """
        require_aware(now, "now")
        root_key = new_key(bits=key_size)
        root = Issued(make_ca("Root CA", root_key, None, now=now, serial=1), root_key)
        key = new_key(bits=key_size)
        name = "Worldwide Developer Relations"
        intermediate = make_ca(name, key, root, now=now, serial=2, markers=x.INTERMEDIATE_MARKERS[:1])
        return cls(root, Issued(intermediate, key), now=now)

    @classmethod
    def load(cls, directory: Path) -> Authority:
        """The authority that `write_example` wrote into a directory."""
        intermediate = (directory / "wwdr.pem").read_bytes()
        identities = tuple(
            Identity.from_pem(
                (directory / f"{name}.pem").read_bytes(),
                (directory / f"{name}.key").read_bytes(),
                intermediate,
            )
            for name in ("pass", "pass-nfc", "pass-ec")
        )
        root = x.split_pem((directory / "root.pem").read_bytes())[0]
        return cls(root, x.split_pem(intermediate)[0], identities=identities)

    @classmethod
    def example(cls) -> Authority:
        """The throw-away authority that comes with Passwright."""
        return cls.load(example_directory())

    @cached_property
    def trust(self) -> Trust:
        """Trust in this root and no other."""
        from passwright.apple.trust.anchors import Trust

        return Trust.of(self.root)

    def identity(
        self, *, pass_type: str = PASS_TYPE, team: str = TEAM, nfc: bool = False, ec: bool = False
    ) -> Identity:
        """An identity for this pass type; the same one for the same wishes.

        Raises:
            ValueError: the team hasn't exactly ten characters, or the authority
                can't issue and holds no such identity.
        """
        leaf = Leaf(pass_type=pass_type, team=team, nfc=nfc, ec=ec)
        if leaf not in self._identities:
            issued = self.issue(leaf)
            self._identities[leaf] = Identity(
                certificate=issued.certificate, intermediate=self.intermediate, signer=issued.signer
            )
        return self._identities[leaf]

    def issue(
        self, leaf: Leaf | None = None, *, key: PrivateKey | None = None, by: Issued | None = None
    ) -> Issued:
        """A pass certificate as `leaf` says, sound or broken, under the intermediate or `by` another.

        Without `key` all certificates of one kind share one key: making keys is slow.

        Raises:
            ValueError: the team hasn't exactly ten characters, or the authority can't issue.
        """
        leaf = leaf or Leaf()
        if len(leaf.team) != TEAM_LENGTH:
            raise ValueError(
                f"a team identifier has {TEAM_LENGTH} characters, {leaf.team!r} has {len(leaf.team)}"
            )
        if self._now is None or (issuer := by or self._issuer) is None:
            raise ValueError(
                "this authority can't issue: its private keys were thrown away; use Authority.create"
            )
        key = key or self._key(ec=leaf.ec)
        leaf = replace(
            leaf,
            not_before=leaf.not_before or self._now - BEFORE,
            not_after=leaf.not_after or self._now + AFTER,
        )
        return Issued(make_leaf(leaf, key, issuer, serial=1000 + next(self._serials)), key)

    def write(self, directory: Path, leaf: Leaf | None = None) -> Path:
        """Writes what a builder in any language signs with, and answers `directory`.

        `pass.pem`, `pass.key` and `pass.p12` for a pass certificate as `leaf` says,
        `wwdr.pem` and `root.pem`. The password of the PKCS #12 file is
        `EXAMPLE_PASSWORD`; `pass.key` has none.

        Raises:
            ValueError: as `issue`.
        """
        directory.mkdir(parents=True, exist_ok=True)
        write_authority(directory, self.root, self.intermediate)
        write_identity(directory, "pass", self.issue(leaf), self.intermediate)
        return directory

    def issue_intermediate(
        self,
        *,
        name: str = "Worldwide Developer Relations G2",
        markers: tuple[str, ...] = x.INTERMEDIATE_MARKERS[:1],
        key: PrivateKey | None = None,
        by: Issued | None = None,
        ca: bool = True,
        not_after: datetime | None = None,
        sha1: bool = False,
        extra: tuple[tuple[str, bool], ...] = (),
    ) -> Issued:
        """Another intermediate under the root or `by` another, sound or broken.

        Raises:
            ValueError: the authority can't issue.
        """
        if self._now is None or self._root is None:
            raise ValueError(
                "this authority can't issue: its private keys were thrown away; use Authority.create"
            )
        key = key or new_key()
        certificate = make_ca(
            name,
            key,
            by or self._root,
            now=self._now,
            serial=1000 + next(self._serials),
            markers=markers,
            ca=ca,
            not_after=not_after,
            sha1=sha1,
            extra=extra,
        )
        return Issued(certificate, key)

    def as_issuer(self) -> Issued:
        """The intermediate with its key; ValueError where that was thrown away."""
        if self._issuer is None:
            raise ValueError("the private key of this intermediate was thrown away")
        return self._issuer

    def as_root(self) -> Issued:
        """The root with its key; ValueError where that was thrown away."""
        if self._root is None:
            raise ValueError("the private key of this root was thrown away")
        return self._root

    def _key(self, *, ec: bool) -> PrivateKey:
        if ec not in self._keys:
            self._keys[ec] = new_key(ec=ec)
        return self._keys[ec]


def example_directory() -> Path:
    """The folder of the example's files: in the package when installed, in the repository otherwise."""
    packaged = Path(__file__).parent / "certs.example"
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "certs.example"


# Kind -> the folder of its example.
EXAMPLE_TEMPLATES = {
    "loyalty": "membership",
    "gift_card": "gift-card",
    "offer": "coupon",
    "event": "event",
    "generic": "id-card",
    "flight": "flight",
    "train": "train",
}


def example_template_directory(kind: str = "loyalty") -> Path:
    """The folder of the example template of a kind, in the package or in the repository.

    Raises:
        KeyError: that kind has none; `EXAMPLE_TEMPLATES` lists those that have.
    """
    name = EXAMPLE_TEMPLATES[kind]
    packaged = Path(__file__).parent / "templates" / name
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "fixtures" / "templates" / name
