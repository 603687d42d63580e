"""Builds Google Wallet save links: rendered class and object, claims, and a signed JWT."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from passwright.binding.rules import forbid_barcode
from passwright.errors import PassRejected
from passwright.google.content import resource_name
from passwright.google.link import LinkOptions, LinkSigner, SaveLink
from passwright.google.payload import PayloadRenderer, restricted_to
from passwright.google.rules.payload import barcode_locations
from passwright.report import Finding, Report, error, has_errors
from passwright.times import aware_or_now

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from datetime import datetime

    from passwright.documents.rule import Rule
    from passwright.google.issuer import Issuer
    from passwright.model.template import Pass
    from passwright.signing import SigningRequest

__all__ = ["PassBuilder", "SaveLink"]


class PassBuilder:
    """Builds save links for one issuer.

    Without an issuer it still reports. `rules` are rules of yours, which run like
    our own. A builder caches what is constant for the templates used last, so
    keep the builder. It may be used by several threads.
    """

    def __init__(self, issuer: Issuer | None, *, rules: Iterable[Rule] = ()) -> None:
        self.issuer = issuer
        self._renderer = PayloadRenderer(issuer, tuple(rules))
        self._links = None if issuer is None else LinkSigner(issuer)

    def save_link(
        self,
        pass_: Pass,
        *,
        issued_at: datetime | None = None,
        inserted: Collection[Literal["class", "object"]] = (),
        stored_object: Mapping[str, Any] | None = None,
        self_contained: bool = False,
    ) -> SaveLink:
        """Makes a signed link for this pass.

        Class and object travel in the link when they fit; else the class is
        left out and named in `requires`. An object too long for that travels
        without its translations (`link-drops-translations`), and if that is too
        long as well, an unbound pass is linked by its id, both named in
        `requires`. A link to a bound pass always carries its restriction.

        `inserted` says what Google holds already: with `class` the link carries
        the object, with `object` the id alone. For a bound pass the latter also
        needs `stored_object`, the object as Google answers it, which proves that
        the restriction is there. `self_contained` allows nothing but class and
        object in the link. `issued_at` becomes iat, default now.

        Raises:
            PassRejected: the report holds an error; nothing was signed.
            LinkTooLong: it doesn't fit; says what to insert.
            SignerFailed: the signer raised, or its answer doesn't verify.
            ValueError: there is no issuer, or `issued_at` is naive, or the choices exclude each other.
        """
        links = self._signer()
        options = self._options(pass_, issued_at, inserted, stored_object, self_contained=self_contained)
        return links.sign(options)

    def unsigned(
        self,
        pass_: Pass,
        *,
        issued_at: datetime | None = None,
        inserted: Collection[Literal["class", "object"]] = (),
        stored_object: Mapping[str, Any] | None = None,
        self_contained: bool = False,
    ) -> SigningRequest[SaveLink]:
        """Prepares the link of `save_link`, and leaves its signature open.

        The bytes to sign are header and claims as in RFC 7515 section 5.1, hashed with SHA-256.
        `signers.offline` takes the signature back.

        Raises:
            PassRejected, LinkTooLong, ValueError: as `save_link`.
        """
        links = self._signer()
        options = self._options(pass_, issued_at, inserted, stored_object, self_contained=self_contained)
        return links.unsigned(options)

    def report(self, pass_: Pass) -> Report:
        """Reports every error, warning and note about this pass on Google; nothing is signed."""
        return Report.from_findings(self._renderer.render(pass_).findings)

    def payload(self, pass_: Pass) -> tuple[dict[str, Any], dict[str, Any]]:
        """Renders class and object of the pass, as the REST API takes them.

        Raises:
            PassRejected: the report holds an error.
        """
        class_text, object_text = self._renderer.require(pass_).texts
        return json.loads(class_text), json.loads(object_text)

    def _signer(self) -> LinkSigner:
        if self._links is None:
            raise ValueError("this builder has no issuer to sign with: give it one")
        return self._links

    def _options(
        self,
        pass_: Pass,
        issued_at: datetime | None,
        inserted: Collection[str],
        stored_object: Mapping[str, Any] | None,
        *,
        self_contained: bool,
    ) -> LinkOptions:
        # In whole seconds, as in the claims: the claims of a second are serialised once.
        at = aware_or_now(issued_at, "issued_at")
        if issued_at is None:
            at = at.replace(microsecond=0)
        if inserted:
            _check_inserted(inserted, self_contained=self_contained)
        rendered = self._renderer.require(pass_)
        if "object" in inserted and pass_.binding is not None:
            resource = resource_name(pass_.template.kind.object_type)
            more = [*_check_stored(resource, rendered.texts[1], stored_object)]
            rendered = rendered._replace(findings=[*rendered.findings, *more])
            if has_errors(more):
                raise PassRejected(Report.from_findings(rendered.findings))
        vertical, is_bound = pass_.template.kind.vertical, pass_.binding is not None
        return LinkOptions(rendered, vertical, at, is_bound, inserted, self_contained)


def _check_inserted(inserted: Collection[str], *, self_contained: bool) -> None:
    if unknown := set(inserted) - {"class", "object"}:
        raise ValueError(f"inserted names 'class' and 'object', not {sorted(unknown)}")
    if self_contained:
        raise ValueError("a self-contained link needs nothing inserted: choose one of the two")


def _check_stored(resource: str, object_text: str, stored: Mapping[str, Any] | None) -> Iterator[Finding]:
    """An id-only link shows no restriction, so Google's copy has to prove that it holds it."""
    where = "link#/stored_object"
    if stored is None:
        hint = "give stored_object, as Google's API answers it"
        yield error("binding-unproved", where, "a bound pass by id needs proof of its restriction", hint)
        return
    ours = json.loads(object_text) if object_text else {}
    if stored.get("id") != ours.get("id") or restricted_to(stored) != restricted_to(ours):
        message = "the stored object is another one, or is bound to somebody else, or to nobody"
        yield error("binding-lost", where, message, "update it through the API before making the link")
    places = ((f"{where}{pointer}", value) for pointer, value in barcode_locations(resource, stored))
    yield from forbid_barcode(places, bound=True)
