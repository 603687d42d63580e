"""A pass leaves for one of the two wallets, after Apple's ceremony where it is bound.

Each step reads, prepares what it would hand out, and only then writes, with a compare-and-set on what it
read. A pass that can't be built locks nothing, the store decides between two devices that race, and nothing
leaves before the commit. The loser of a race reads again.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from passwright.binding import lifecycle
from passwright.binding.binding import Binding
from passwright.binding.lifecycle import ATTEMPT_LIFE, Effect, EventKind, State
from passwright.errors import AlreadyExists, AttemptRefused, PassRejected, ServiceRefused, StaleBinding
from passwright.service.proofs.protocol import ChallengeSubject, payload_digest
from passwright.service.rendering import render_bound_pass, render_pass
from passwright.service.store.protocol import Download
from passwright.service.transitions import (
    HOUR,
    TRIES,
    apply_step,
    base32_id,
    check_alive,
    email_of,
    log_event,
    require_pass,
    too_much_contention,
)
from passwright.service.vault import Purpose

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from passwright.binding.lifecycle import Step
    from passwright.model.template import Pass
    from passwright.report import Report
    from passwright.service.context import ServiceContext
    from passwright.service.proofs.protocol import ProofProvider
    from passwright.service.store.protocol import StoredBinding, StoredCredential, StoredPass, StoredTemplate

__all__ = [
    "BEGINS_AN_HOUR",
    "DOWNLOAD_LIFE",
    "BeginResult",
    "GoogleSaveLink",
    "PassFile",
    "Ticket",
    "apple_begin",
    "apple_complete",
    "google_save_link",
    "redeem_ticket",
    "unbound_pass_file",
]

# How long a ticket for one download is good, and how often a ceremony may begin.
DOWNLOAD_LIFE = timedelta(seconds=60)
BEGINS_AN_HOUR = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class GoogleSaveLink:
    """A save link. `requires`: what the issuer has to insert before it works, by resource name."""

    url: str = field(repr=False)
    form: str
    requires: Mapping[str, Mapping[str, Any]] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginResult:
    """An open attempt of Apple's ceremony. `shown` is what the page gets from the provider, as JSON."""

    id: str = field(repr=False)
    expires_at: datetime
    shown: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """Good for one download of the pass file."""

    token: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PassFile:
    """A signed .pkpass, and a name for it."""

    data: bytes = field(repr=False)
    name: str


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """Everything about a pass, as one transaction saw it."""

    stored: StoredPass
    stored_template: StoredTemplate
    bound: StoredBinding | None

    def render(self, *, email: str | None = None) -> Pass:
        """Returns the pass, bound and without a barcode if it has a binding."""
        if self.bound is None:
            return render_pass(self.stored, self.stored_template)
        binding = Binding(email, self.bound.status.learn_more_url)
        return render_bound_pass(self.stored, self.stored_template, binding)


def google_save_link(
    context: ServiceContext, organisation: str, name: str, *, at: datetime
) -> GoogleSaveLink:
    """The save link of a pass. For a bound one this is what decides for Google.

    Raises:
        ServiceRefused: `pass_not_found`, `pass_nullified`, `pass_expired`, `pass_deactivated`, `google_off`.
        IllegalTransition: `platform_locked`.
        PassRejected, LinkTooLong: it can't be built; nothing was locked.
        GoogleError: the lock holds, but Google did not take the object: the same call tries again.
    """
    if context.google is None:
        raise ServiceRefused("google_off", "this service has no Google issuer")
    for read in _retrying_snapshots(context, organisation, name):
        check_alive(read.stored, at=at)
        if read.bound is None:
            return _build_link(context, read.render(), issued_at=at)
        step = lifecycle.advance(read.bound.status, lifecycle.GoogleDownload(), at=at)
        if step.refusal:
            if _commit(context, read.bound, step, at=at):
                step.raise_for_refusal()
            continue
        issued_at = read.bound.google_issued_at or at
        rendered = read.render(email=email_of(context, read.bound))
        # Before the lock: a pass that Google can't be given must stay free for Apple.
        link = None
        if context.google_writer is None:
            link = _build_link(context, rendered, issued_at=issued_at)
        else:
            _require_valid(context.google.report(rendered))
        if _commit(context, read.bound, step, at=at, google_issued_at=issued_at):
            return link or _build_link(context, rendered, issued_at=issued_at)
    raise too_much_contention()


def unbound_pass_file(context: ServiceContext, organisation: str, name: str, *, at: datetime) -> PassFile:
    """The pass file of a pass without a binding.

    Raises:
        ServiceRefused: `pass_not_found`, `pass_nullified`, `pass_expired`, `pass_deactivated`, `apple_off`.
        IllegalTransition: `binding_ceremony_required` or `platform_locked` for a bound pass.
        PassRejected, SigningError: it can't be built.
    """
    for read in _retrying_snapshots(context, organisation, name):
        check_alive(read.stored, at=at)
        if read.bound is None:
            return _build_file(context, read.stored, read.render(), at=at)
        step = lifecycle.advance(read.bound.status, lifecycle.AppleSource(), at=at)
        if _commit(context, read.bound, step, at=at):
            step.raise_for_refusal()
    raise too_much_contention()


def apple_begin(context: ServiceContext, organisation: str, name: str, *, at: datetime) -> BeginResult:
    """An attempt of Apple's ceremony. For a pass that no platform has yet this is what decides for Apple.

    Lock and purge of the address are one transaction.

    Raises:
        ServiceRefused: `pass_not_found`, `pass_nullified`, `pass_expired`, `pass_deactivated`,
            `pass_unbound`, `apple_off`, `too_many_attempts`, `provider_changed`.
        IllegalTransition: `platform_locked`, `binding_nfc_required`.
        PassRejected: it can't be built; nothing was locked.
        KeyMaterialError: the certificates have ended, so it can't be signed; nothing was locked.
    """
    provider = _provider(context)
    for read in _retrying_snapshots(context, organisation, name):
        check_alive(read.stored, at=at)
        bound = _binding(read)
        rendered = read.render()
        attempt_id = urlsafe_b64encode(context.random(24)).decode("ascii")
        nfc = not context.binding_needs_nfc or _has_nfc(rendered)
        step = lifecycle.advance(bound.status, lifecycle.AppleBegin(attempt_id, nfc), at=at)
        if step.refusal:
            if _commit(context, bound, step, at=at):
                step.raise_for_refusal()
            continue
        if Effect.LOCK in step.effects:
            assert context.apple is not None  # noqa: S101 -- `_provider` has asked
            _require_valid(context.apple.report(rendered, at=at))
            if context.apple.identity is not None:
                context.apple.identity.check_time(at)
        _check_provider(bound, provider)
        offer = provider.begin(
            _subject(read, bound), attempt_id=attempt_id, at=at, credential=bound.credential
        )
        if _commit(context, bound, step, at=at, ceremony=offer.state):
            return BeginResult(id=attempt_id, expires_at=at + ATTEMPT_LIFE, shown=offer.shown)
    raise too_much_contention()


def apple_complete(
    context: ServiceContext,
    organisation: str,
    name: str,
    attempt_id: str,
    payload: Mapping[str, Any],
    *,
    at: datetime,
) -> Ticket:
    """Completes an attempt with a device's answer; a valid answer gets a ticket for the pass file.

    Raises:
        ServiceRefused: `pass_not_found`, `pass_nullified`, `pass_expired`, `pass_deactivated`,
            `pass_unbound`, `apple_off`, `provider_changed`.
        AttemptRefused: `attempt_not_found`, `attempt_expired`, `attempt_used`, `proof_invalid`.
    """
    provider = _provider(context)
    digest = payload_digest(payload)
    for read in _retrying_snapshots(context, organisation, name):
        check_alive(read.stored, at=at)
        bound = _binding(read)
        event = lifecycle.AppleComplete(attempt_id, digest, proof_ok=True, evidence=provider.evidence)
        step, credential = lifecycle.advance(bound.status, event, at=at), None
        if step.kind is EventKind.COMPLETE_VALID:  # if the proof is one
            credential = _verify_proof(context, read, bound, provider, payload)
            event = replace(event, proof_ok=credential is not None)
            step = lifecycle.advance(bound.status, event, at=at)
        ticket = None if step.refusal else _ticket(context, at=at)
        try:
            written = _commit(context, bound, step, at=at, credential=credential, ticket=ticket)
        except AlreadyExists:  # another pass got this credential meanwhile: next time it is known
            continue
        if written:
            step.raise_for_refusal()
            assert ticket is not None  # noqa: S101 -- there is one, or `check` has raised
            return ticket
    raise too_much_contention()


def redeem_ticket(context: ServiceContext, token: str, *, at: datetime) -> PassFile:
    """The pass file that a ticket is good for, once.

    Raises:
        ServiceRefused: `download_not_found`, `download_expired` for a ticket that is too old or used,
            `pass_nullified`, `pass_expired`, `pass_deactivated`, `apple_off`, `provider_changed`.
        PassRejected, SigningError: it can't be built; the ticket stays good.
    """
    token_hash = _download_hash(context, token)
    with context.store.reading() as transaction:
        download = transaction.download(token_hash)
        if download is None:
            raise ServiceRefused("download_not_found", "there is no such download")
        stored = transaction.pass_of(download.pass_id)
        assert stored is not None  # noqa: S101 -- tickets belong to passes
        extra = transaction.template(stored.organisation, stored.template)
        bound = transaction.binding(stored.id)
    assert extra is not None  # noqa: S101 -- the store keeps templates that passes use
    # A clock set back must not prolong a ticket.
    if download.used_at is not None or not at <= download.expires_at <= at + DOWNLOAD_LIFE:
        raise _ticket_spent()
    check_alive(stored, at=at)
    read = _Snapshot(stored, extra, bound)
    rendered = read.render()
    if bound is None or bound.status.state is not State.APPLE_BOUND or bound.credential is None:
        raise _ticket_spent()
    provider = _provider(context)
    _check_provider(bound, provider)
    members = provider.members(bound.credential)
    made = _build_file(context, stored, rendered.replace(apple={**rendered.apple, **members}), at=at)
    with context.store.writing() as transaction:
        if not transaction.use_download(token_hash, at=at):
            raise _ticket_spent()
    return made


# --- reading and writing ------------------------------------------------------


def _retrying_snapshots(context: ServiceContext, organisation: str, name: str) -> Iterator[_Snapshot]:
    """Yields the stored state of a pass, read again for every try."""
    for _ in range(TRIES):
        with context.store.reading() as transaction:
            stored = require_pass(transaction, organisation, name)
            extra = transaction.template(organisation, stored.template)
            assert extra is not None  # noqa: S101 -- the store keeps templates that passes use
            bound = transaction.binding(stored.id)
        yield _Snapshot(stored, extra, bound)


def _commit(
    context: ServiceContext,
    was: StoredBinding,
    step: Step,
    *,
    at: datetime,
    ticket: Ticket | None = None,
    **extra: Any,
) -> bool:
    """Writes the step and returns True; False if another writer was faster."""
    try:
        with context.store.writing() as transaction:
            if step.kind is EventKind.APPLE_BEGIN and not step.refusal:
                begun = transaction.count_events(
                    was.pass_id, step.kind.value, since=at - HOUR, until=at + HOUR
                )
                if begun >= BEGINS_AN_HOUR:
                    raise ServiceRefused(
                        "too_many_attempts", f"the ceremony may begin {BEGINS_AN_HOUR} times an hour"
                    )
            now, noted = apply_step(transaction, was, step, at=at, **extra)
            if now == was:
                _require_unchanged(transaction.binding(was.pass_id), was)
            if ticket is not None:
                transaction.add_download(
                    Download(
                        token_hash=_download_hash(context, ticket.token),
                        pass_id=was.pass_id,
                        expires_at=ticket.expires_at,
                    )
                )
    except StaleBinding:
        return False
    log_event(noted)
    return True


def _require_unchanged(found: StoredBinding | None, was: StoredBinding) -> None:
    """A step that changes nothing counts only while nobody else changed something."""
    if found is None or found.status.version != was.status.version:
        raise StaleBinding("the binding changed since it was read")


# --- parts --------------------------------------------------------------------


def _binding(read: _Snapshot) -> StoredBinding:
    if read.bound is None:
        raise ServiceRefused("pass_unbound", "the pass has no binding: download it without the ceremony")
    return read.bound


def _provider(context: ServiceContext) -> ProofProvider:
    if context.apple is None or context.provider is None:
        raise ServiceRefused("apple_off", "this service has no Apple identity")
    return context.provider


def _subject(read: _Snapshot, bound: StoredBinding) -> ChallengeSubject:
    return ChallengeSubject(
        bound.organisation, bound.pass_id, read.stored_template.name, bound.status.learn_more_url
    )


def _check_provider(bound: StoredBinding, provider: ProofProvider) -> None:
    """Requires the kind of proof with which the pass was bound before."""
    if bound.status.evidence not in (None, provider.evidence):
        raise ServiceRefused("provider_changed", "the pass was bound in a way this service no longer offers")


def _verify_proof(
    context: ServiceContext,
    read: _Snapshot,
    bound: StoredBinding,
    provider: ProofProvider,
    payload: Mapping[str, Any],
) -> StoredCredential | None:
    """The credential that a device proved to have, or None."""
    _check_provider(bound, provider)

    def is_registered(credential_id: str) -> bool:
        with context.store.reading() as transaction:
            return transaction.knows_credential(credential_id)

    try:
        return provider.complete(
            _subject(read, bound),
            bound.ceremony or {},
            payload,
            is_registered=is_registered,
            credential=bound.credential,
        )
    except AttemptRefused:
        return None


def _has_nfc(rendered: Pass) -> bool:
    nfc = rendered.template.nfc
    return "@nfc" in rendered.shape and nfc is not None and nfc.apple_key is not None


def _require_valid(report: Report) -> None:
    """Asks for a pass that could be built. It is asked before a lock: afterwards there is no way back."""
    if not report.ok:
        raise PassRejected(report)


def _build_link(context: ServiceContext, rendered: Pass, *, issued_at: datetime) -> GoogleSaveLink:
    """The link; where objects are written through the API, after that was done."""
    builder, writer = context.google, context.google_writer
    assert builder is not None  # noqa: S101 -- the caller has asked
    if writer is None:
        link = builder.save_link(rendered, issued_at=issued_at)
        return GoogleSaveLink(url=link.url, form=link.form, requires=link.requires)
    class_, object_ = builder.payload(rendered)
    kind = rendered.template.kind
    writer.put(kind.class_type, class_)
    held = writer.put(kind.object_type, object_)
    link = builder.save_link(rendered, issued_at=issued_at, inserted=("class", "object"), stored_object=held)
    return GoogleSaveLink(url=link.url, form=link.form, requires=link.requires)


def _build_file(context: ServiceContext, stored: StoredPass, rendered: Pass, *, at: datetime) -> PassFile:
    if context.apple is None:
        raise ServiceRefused("apple_off", "this service has no Apple identity")
    return PassFile(data=context.apple.build(rendered, at=at), name=f"{stored.serial}.pkpass")


def _ticket(context: ServiceContext, *, at: datetime) -> Ticket:
    return Ticket(token=base32_id(context.random(20)), expires_at=at + DOWNLOAD_LIFE)


def _download_hash(context: ServiceContext, token: str) -> bytes:
    return context.vault.hash(Purpose.DOWNLOAD, token)


def _ticket_spent() -> ServiceRefused:
    return ServiceRefused("download_expired", "the download was used or is too old: begin again")
