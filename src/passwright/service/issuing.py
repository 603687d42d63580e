"""The life of a pass up to its download: created, shown, listed, updated, ended.

One transaction per step. What a binding goes through is decided by
`lifecycle.advance` alone; `carried_out` writes what it says.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from passwright import address, lifecycle
from passwright.binding import Binding, parse
from passwright.definition import check_pass
from passwright.errors import AlreadyExists, PassRejected, Refused, StaleBinding, StoreUnavailable
from passwright.lifecycle import Effect
from passwright.report import Report, failed
from passwright.service.rendering import Code, Content, Tap, has_code, pass_of, without_code
from passwright.service.store import Address, Answer, Event, PassStatus, StoredBinding, StoredPass
from passwright.service.vault import Purpose
from passwright.strictjson import dumps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from passwright.lifecycle import Status, Step
    from passwright.service.desk import Desk
    from passwright.service.store import Credential, Page, PassFilter, Transaction
    from passwright.template import Location, Pass

__all__ = [
    "ABSENT",
    "Change",
    "Once",
    "Replay",
    "Shown",
    "Wish",
    "by_link",
    "carried_out",
    "create",
    "find",
    "listed",
    "nullify",
    "update",
]

# How long a request with an idempotency key is answered as it was the first time.
ANSWER_LIFE = timedelta(hours=24)
# How many refusals of a kind are noted for a pass in an hour; whoever forges on fills no disk.
HOUR = timedelta(hours=1)
REFUSALS_AN_HOUR = 100
# Somebody else changed the pass between reading and writing this often in a row: give up.
TRIES = 20
# 160 bits: nobody guesses a link, and it fits a small QR code.
TOKEN_BYTES = 20


class _Absent:
    """A member that the request doesn't have; null is something else."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = _Absent()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked for when a pass is created. `binding` is the member as it came, or ABSENT."""

    template: str
    content: Content = field(default_factory=Content)
    ext_id: str | None = None
    binding: object = field(default=ABSENT, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is asked for when a pass is updated. ABSENT leaves a member as it is, None takes it away.

    `values` are merged; a null value takes that one away. With `version` the
    update counts only for that version of the pass.
    """

    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    barcode: Code | _Absent | None = field(default=ABSENT, repr=False)
    nfc: Tap | _Absent | None = field(default=ABSENT, repr=False)
    expires: datetime | _Absent | None = ABSENT
    message: str | _Absent | None = field(default=ABSENT, repr=False)
    locations: tuple[Location, ...] | _Absent | None = ABSENT
    status: Literal["deactivate", "reactivate"] | None = None
    binding: object = field(default=ABSENT, repr=False)
    version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A pass as it may be shown. `mask` is what may be seen of the address, if it is still there."""

    pass_: StoredPass
    binding: Status | None
    mask: str | None
    download_url: str = field(repr=False)

    @property
    def public_binding(self) -> dict[str, Any] | None:
        """The `binding` member of an answer; None for a pass without a binding."""
        return None if self.binding is None else lifecycle.public(self.binding, self.mask)


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """A request that is carried out at most once. Both hashes are keyed ones.

    `render` makes the body to keep for repeats; it must not hold the mask.
    """

    key_hash: bytes = field(repr=False)
    fingerprint: bytes = field(repr=False)
    render: Callable[[Any], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Replay:
    """What the first request was answered. The mask is the live one, or None after the purge."""

    body: Mapping[str, Any] = field(repr=False)
    mask: str | None


def create(
    desk: Desk, organisation: str, wish: Wish, *, at: datetime, once: Once | None = None
) -> Shown | Replay:
    """A new pass.

    Raises:
        Refused: `template_not_found`, `ext_id_taken`, `binding_disabled`, `pass_invalid`,
            `idempotency_key_reused`.
        BindingInvalid: the binding's members break their rules.
        BindingError: `binding_barcode_conflict`.
        PassRejected: no wallet could be given this pass.
    """
    with desk.store.reading() as transaction:
        if once and (replay := replayed(transaction, organisation, once, at=at)):
            return replay
        kept = transaction.template(organisation, wish.template)
        known = transaction.organisation(organisation)
    if kept is None:
        raise Refused("template_not_found", "there is no such template")
    _check_ext_id(wish.ext_id)
    stored = _new(desk, organisation, wish, at=at)
    rendered, bound = pass_of(stored, kept), None
    if wish.binding is not ABSENT:
        if known is None or not known.binding:
            raise Refused("binding_disabled", "binding is not switched on for this organisation")
        asked = parse(wish.binding)
        event = lifecycle.Create(asked, has_barcode=has_code(rendered))
        status = lifecycle.advance(None, event, at=at).status
        bound = _bound(desk, stored, status, str(asked.email))
        rendered = rendered.replace(binding=asked)
    _check(desk, rendered)
    made = _shown(desk, stored, bound)
    with desk.store.writing() as transaction:
        if once and (replay := replayed(transaction, organisation, once, at=at)):
            return replay
        _add(transaction, stored)
        if bound is not None:
            transaction.add_binding(bound)
        transaction.add_event(_event(stored.id, 1, lifecycle.Kind.CREATE.value, "done", at))
        if once:
            keep_answer(transaction, organisation, once, made, at=at)
    return made


def find(desk: Desk, organisation: str, name: str) -> Shown:
    """The pass with this id or external id.

    Raises:
        Refused: `pass_not_found`.
    """
    with desk.store.reading() as transaction:
        stored = existing(transaction, organisation, name)
        return _shown(desk, stored, transaction.binding(stored.id))


def by_link(desk: Desk, token: str) -> Shown:
    """The pass whose public link holds this token. Looking changes nothing.

    Raises:
        Refused: `pass_not_found`, whatever is wrong with the token.
    """
    link_hash = desk.vault.hash(Purpose.LINK_LOOKUP, token)
    with desk.store.reading() as transaction:
        stored = transaction.pass_by_link(link_hash)
        if stored is None:
            raise _unknown()
        return _shown(desk, stored, transaction.binding(stored.id))


def listed(
    desk: Desk, organisation: str, wanted: PassFilter, page: Page, *, bindings: bool = False
) -> tuple[Sequence[Shown], int]:
    """Passes from the newest on, and how many there are; their bindings only when asked for."""
    with desk.store.reading() as transaction:
        found, total = transaction.passes(organisation, wanted, page)
        theirs = transaction.bindings([each.id for each in found]) if bindings else {}
        return [_shown(desk, each, theirs.get(each.id)) for each in found], total


def update(
    desk: Desk, organisation: str, name: str, change: Change, *, at: datetime, once: Once | None = None
) -> Shown | Replay:
    """A pass with other values. What is refused is refused whole.

    Raises:
        Refused: `pass_not_found`, `pass_nullified`, `pass_changed`, `pass_invalid`,
            `idempotency_key_reused`.
        BindingError: `binding_immutable` for any `binding` in the request, `binding_barcode_conflict`.
        PassRejected: no wallet could be given this pass.
    """
    for _ in range(TRIES):
        with desk.store.reading() as transaction:
            if once and (replay := replayed(transaction, organisation, once, at=at)):
                return replay
            was = existing(transaction, organisation, name)
            bound = transaction.binding(was.id)
            kept = transaction.template(organisation, was.template)
        assert kept is not None  # noqa: S101 -- the store keeps templates that passes use
        _check_change(was, bound, change, at=at)
        now = _changed(was, change, at=at)
        rendered = pass_of(now, kept)
        if bound is not None:
            rendered = without_code(rendered).replace(binding=Binding(None, bound.status.learn_more_url))
        _check(desk, rendered)
        made = _shown(desk, now, bound)
        try:
            with desk.store.writing() as transaction:
                if once and (replay := replayed(transaction, organisation, once, at=at)):
                    return replay
                transaction.change_pass(was, now)
                if once:
                    keep_answer(transaction, organisation, once, made, at=at)
        except StaleBinding:
            continue
        return made
    raise contended()


def nullify(
    desk: Desk, organisation: str, name: str, *, at: datetime, once: Once | None = None
) -> Shown | Replay:
    """The end of a pass: address, mask, credentials and attempts are erased. Twice is as good as once.

    Raises:
        Refused: `pass_not_found`, `idempotency_key_reused`.
    """
    with desk.store.writing() as transaction:
        if once and (replay := replayed(transaction, organisation, once, at=at)):
            return replay
        was = existing(transaction, organisation, name)
        bound, now = transaction.binding(was.id), was
        if was.status is not PassStatus.NULLIFIED:
            now = replace(was, status=PassStatus.NULLIFIED, changed_at=at, version=was.version + 1)
            transaction.change_pass(was, now)
            if bound is None:
                kind = lifecycle.Kind.NULLIFY.value
                transaction.add_event(_event(was.id, now.version, kind, "done", at))
            else:
                step = lifecycle.advance(bound.status, lifecycle.Nullify(), at=at)
                bound = carried_out(transaction, bound, step, at=at)
        made = _shown(desk, now, bound)
        if once:
            keep_answer(transaction, organisation, once, made, at=at)
        return made


def carried_out(
    transaction: Transaction,
    was: StoredBinding,
    step: Step,
    *,
    at: datetime,
    ceremony: Mapping[str, Any] | None = None,
    credential: Credential | None = None,
    google_issued_at: datetime | None = None,
) -> StoredBinding:
    """Writes a step with the effects it owes; `step.check()` is for after the commit.

    `ceremony`, `credential` and `google_issued_at` are what the effects of this step keep.

    Raises:
        StaleBinding: the binding changed since it was read.
    """
    now = replace(was, status=step.status)
    for effect in step.effects:
        match effect:
            case Effect.HASH_EMAIL:
                now = replace(now, google_issued_at=google_issued_at)
            case Effect.PURGE_EMAIL:
                now = replace(now, address=None)
            case Effect.OPEN_ATTEMPT:
                now = replace(now, ceremony=ceremony)
            case Effect.CANCEL_ATTEMPT | Effect.BURN_ATTEMPT:
                now = replace(now, ceremony=None)
            case Effect.STORE_CREDENTIAL:
                now = replace(now, ceremony=None, credential=credential)
            case Effect.ERASE:
                now = replace(now, address=None, ceremony=None, credential=None, google_issued_at=None)
            case _:  # the status holds it, or it is for after the commit
                pass
    if now != was:
        transaction.change_binding(was, now)
    outcome, kind = step.refusal or "done", step.kind.value
    if now != was or (
        step.refusal
        and transaction.count_events(was.pass_id, kind, since=at - HOUR, until=at + HOUR) < REFUSALS_AN_HOUR
    ):
        transaction.add_event(_event(was.pass_id, step.status.version, kind, outcome, at))
    return now


# --- answered once ------------------------------------------------------------


def replayed(transaction: Transaction, organisation: str, once: Once, *, at: datetime) -> Replay | None:
    """What this request was answered before, or None if it is new.

    Raises:
        Refused: `idempotency_key_reused`, another request had this key.
    """
    answer = transaction.answer(organisation, once.key_hash, since=at - ANSWER_LIFE)
    if answer is None:
        return None
    if answer.fingerprint != once.fingerprint:
        raise Refused("idempotency_key_reused", "another request was sent with this key before")
    bound = transaction.binding(answer.pass_id) if answer.pass_id else None
    return Replay(answer.body, bound.address.mask if bound and bound.address else None)


def keep_answer(
    transaction: Transaction, organisation: str, once: Once, made: Shown | object, *, at: datetime
) -> None:
    """Keeps what a request is answered, for its repeats."""
    body = once.render(made)
    shown = made if isinstance(made, Shown) else None
    if shown and shown.mask and shown.mask in dumps(body):
        raise ValueError("an answer is kept without the masked address, which may have to be purged")
    transaction.sweep(answers_before=at - ANSWER_LIFE, downloads_before=at - ANSWER_LIFE)
    transaction.add_answer(
        Answer(
            organisation=organisation,
            key_hash=once.key_hash,
            fingerprint=once.fingerprint,
            pass_id=shown and shown.pass_.id,
            body=body,
            created_at=at,
        )
    )


# --- parts --------------------------------------------------------------------


def existing(transaction: Transaction, organisation: str, name: str) -> StoredPass:
    """The pass with this id or external id.

    Raises:
        Refused: `pass_not_found`.
    """
    stored = transaction.pass_(organisation, name) if _EXT_ID.fullmatch(name) else None
    if stored is None:
        raise _unknown()
    return stored


def base32(data: bytes) -> str:
    """Letters and digits that look alike in every case: RFC 4648 section 6, without padding."""
    return base64.b32encode(data).decode("ascii").rstrip("=").lower()


def contended() -> StoreUnavailable:
    """Every try met a change by somebody else."""
    return StoreUnavailable("others keep changing this pass: try again later")


def _unknown() -> Refused:
    return Refused("pass_not_found", "there is no such pass")


def _new(desk: Desk, organisation: str, wish: Wish, *, at: datetime) -> StoredPass:
    pass_id = str(UUID(bytes=desk.random(16), version=4))
    token = _token(desk, organisation, pass_id)
    return StoredPass(
        id=pass_id,
        organisation=organisation,
        template=wish.template,
        serial=base32(desk.random(15)),
        link_hash=desk.vault.hash(Purpose.LINK_LOOKUP, token),
        content=wish.content.to_json(),
        ext_id=wish.ext_id,
        expires_at=wish.content.expires,
        created_at=at,
        changed_at=at,
    )


def _token(desk: Desk, organisation: str, pass_id: str) -> str:
    """The token of a pass's public link. It is made again when it is shown; the store can't tell it."""
    whole = desk.vault.hash(Purpose.LINK, organisation, pass_id)
    return base32(whole[:TOKEN_BYTES])


def _url(desk: Desk, stored: StoredPass) -> str:
    return f"{desk.base_url}/p/{_token(desk, stored.organisation, stored.id)}"


# What stands in URLs as it is, and no address: an external id is not purged.
_EXT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~:+-]{0,127}")


def _check_ext_id(ext_id: str | None) -> None:
    if ext_id is not None and not _EXT_ID.fullmatch(ext_id):
        rule = (
            "must be 1 to 128 of the letters and digits of ASCII and . _ ~ : + -, the first a letter or digit"
        )
        raise Refused("pass_invalid", "the external id has the wrong form", pointers={"/pass/extId": rule})


def _check(desk: Desk, rendered: Pass, platform: lifecycle.Platform | None = None) -> None:
    """Asks for a pass that its platform can be given, or at least one while none has it yet."""
    findings = [*check_pass(rendered)]
    if failed(findings):
        raise PassRejected(Report.of(findings))
    builders = {"apple": desk.apple, "google": desk.google}
    reports = [
        builder.report(rendered)
        for name, builder in builders.items()
        if builder is not None and platform in (None, name)
    ]
    if reports and not any(report.ok for report in reports):
        raise PassRejected(reports[0])


def _add(transaction: Transaction, stored: StoredPass) -> None:
    if stored.ext_id is not None:
        there = transaction.pass_(stored.organisation, stored.ext_id)
        if there is not None and there.status is not PassStatus.NULLIFIED:
            raise _taken()
    try:
        transaction.add_pass(stored)
    except AlreadyExists:
        raise _taken() from None


def _taken() -> Refused:
    rule = "must not be that of another pass, unless that one is nullified"
    return Refused("ext_id_taken", "there is a pass with this external id", pointers={"/pass/extId": rule})


def _bound(desk: Desk, stored: StoredPass, status: Status, email: str) -> StoredBinding:
    sealed = desk.vault.seal(
        email, purpose=Purpose.EMAIL, organisation_id=stored.organisation, pass_id=stored.id
    )
    return StoredBinding(
        pass_id=stored.id,
        organisation=stored.organisation,
        status=status,
        address=Address(sealed, address.mask(email)),
    )


def _shown(desk: Desk, stored: StoredPass, bound: StoredBinding | None) -> Shown:
    mask = bound.address.mask if bound and bound.address else None
    status = bound.status if bound else None
    return Shown(pass_=stored, binding=status, mask=mask, download_url=_url(desk, stored))


def _event(pass_id: str, version: int, kind: str, outcome: str, at: datetime) -> Event:
    return Event(pass_id=pass_id, version=version, kind=kind, outcome=outcome, at=at)


def _check_change(was: StoredPass, bound: StoredBinding | None, change: Change, *, at: datetime) -> None:
    """Asks the table of transitions whether this update is possible."""
    if was.status is PassStatus.NULLIFIED:
        raise Refused("pass_nullified", "the pass is nullified")
    status = bound.status if bound else None
    if change.binding is not ABSENT:
        lifecycle.advance(status, lifecycle.UpdateBinding(), at=at).check()
    adds = isinstance(change.barcode, Code) and change.barcode.enabled is not False
    if status is not None:
        lifecycle.advance(status, lifecycle.AddBarcode() if adds else lifecycle.Update(), at=at).check()
    if change.version not in (None, was.version):
        raise Refused("pass_changed", "the pass changed since this version of it was read")


def _changed(was: StoredPass, change: Change, *, at: datetime) -> StoredPass:
    content = Content.from_json(was.content)
    merged = {**content.values, **change.values}
    changes: dict[str, Any] = {"values": {key: value for key, value in merged.items() if value is not None}}
    for name in ("barcode", "nfc", "expires", "message", "locations"):
        if (value := getattr(change, name)) is not ABSENT:
            changes[name] = value
    content = replace(content, **changes)
    status = was.status
    if change.status == "deactivate":
        status = PassStatus.DEACTIVATED
    elif change.status == "reactivate" and status is PassStatus.DEACTIVATED:
        status = PassStatus.ISSUED
    return replace(
        was,
        content=content.to_json(),
        expires_at=content.expires,
        status=status,
        changed_at=at,
        version=was.version + 1,
    )
