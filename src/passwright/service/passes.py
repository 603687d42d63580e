"""The life of a pass up to its download: created, shown, listed, updated, ended.

One transaction per step. What a binding goes through is decided by
`lifecycle.advance` alone; `steps.carried_out` writes what it says.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from passwright.binding import lifecycle
from passwright.binding.binding import Binding, parse
from passwright.binding.email import mask
from passwright.errors import AlreadyExists, PassRejected, ServiceRefused, StaleBinding
from passwright.model.validation import validate_pass
from passwright.report import Report, has_errors
from passwright.schema.pointers import join_pointer
from passwright.service import transitions
from passwright.service.idempotency import IdempotencyKey, ReplayedResponse, find_stored, store_response
from passwright.service.rendering import (
    BarcodeOptions,
    NfcOptions,
    PassContent,
    TemplateFacts,
    has_barcode,
    render_bound_pass,
    render_pass,
    template_facts,
)
from passwright.service.store.protocol import Address, PassStatus, StoredBinding, StoredPass
from passwright.service.templates import template_of
from passwright.service.vault import Purpose

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from passwright.binding.lifecycle import Status
    from passwright.model.parts import Location
    from passwright.model.template import Pass
    from passwright.service.context import ServiceContext
    from passwright.service.store.protocol import Page, PassFilter, StoredTemplate, Transaction

__all__ = [
    "ABSENT",
    "IdempotencyKey",
    "PassChanges",
    "PassRequest",
    "PassView",
    "ReplayedResponse",
    "create",
    "find",
    "find_by_link",
    "list_passes",
    "nullify",
    "renderable_pass",
    "update",
]

# 160 bits: nobody guesses a link, and it fits a small QR code.
TOKEN_BYTES = 20


class _Absent:
    """A member that the request doesn't have; null is something else."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = _Absent()


@dataclass(frozen=True, slots=True, kw_only=True)
class PassRequest:
    """A request to create a pass. `binding` is the member as it came, or ABSENT.

    `direct` names the values that stand directly in the request's `pass`.
    """

    template: str
    content: PassContent = field(default_factory=PassContent)
    direct: frozenset[str] = frozenset()
    ext_id: str | None = None
    binding: object = field(default=ABSENT, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PassChanges:
    """A request to update a pass. ABSENT leaves a member as it is, None removes it.

    `values` are merged; a null value takes that one away. `direct` names those that stand
    directly in the request's `pass`. With `version` the update counts only for that version
    of the pass.
    """

    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    direct: frozenset[str] = frozenset()
    barcode: BarcodeOptions | _Absent | None = field(default=ABSENT, repr=False)
    nfc: NfcOptions | _Absent | None = field(default=ABSENT, repr=False)
    expires: datetime | _Absent | None = ABSENT
    message: str | _Absent | None = field(default=ABSENT, repr=False)
    locations: tuple[Location, ...] | _Absent | None = ABSENT
    beacons: tuple[Mapping[str, Any], ...] | _Absent | None = ABSENT
    group_tag: str | _Absent | None = ABSENT
    tags: tuple[str, ...] | _Absent | None = ABSENT
    status: Literal["deactivate", "reactivate"] | None = None
    binding: object = field(default=ABSENT, repr=False)
    version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PassView:
    """A pass as it may be shown. `mask` is what may be seen of the address, if it is still there.

    `facts` is None where nobody asks for them: on the page of a pass.
    """

    pass_: StoredPass
    facts: TemplateFacts | None = None
    binding: Status | None
    mask: str | None
    download_url: str = field(repr=False)


def create(
    context: ServiceContext,
    organisation: str,
    options: PassRequest,
    *,
    at: datetime,
    once: IdempotencyKey | None = None,
) -> PassView | ReplayedResponse:
    """A new pass.

    Raises:
        ServiceRefused: `template_not_found`, `ext_id_taken`, `binding_disabled`, `pass_invalid`,
            `invalid_member`, `idempotency_key_reused`.
        BindingInvalid: the binding's members break their rules.
        BindingError: `binding_barcode_conflict`.
        PassRejected: no wallet could be given this pass.
    """
    with context.store.reading() as transaction:
        if once and (replay := find_stored(transaction, organisation, once, at=at)):
            return replay
        stored_template = transaction.template(organisation, options.template)
        known = transaction.organisation(organisation)
    if stored_template is None:
        raise ServiceRefused("template_not_found", "there is no such template")
    _check_ext_id(options.ext_id)
    _check_direct(options.direct, stored_template)
    stored = _new(context, organisation, options, at=at)
    rendered, bound, email = render_pass(stored, stored_template), None, ""
    if options.binding is not ABSENT:
        if known is None or not known.binding:
            raise ServiceRefused("binding_disabled", "binding is not switched on for this organisation")
        asked = parse(options.binding)
        event = lifecycle.Create(asked, has_barcode=has_barcode(rendered))
        status = lifecycle.advance(None, event, at=at).status
        email = str(asked.email)
        bound = _seal_binding(context, stored, status, email)
        rendered = rendered.replace(binding=asked)
    _check(context, rendered)
    made = _view(context, stored, bound, stored_template)
    created = transitions.event(stored.id, 1, lifecycle.EventKind.CREATE.value, transitions.DONE, at)
    with context.store.writing() as transaction:
        if once and (replay := find_stored(transaction, organisation, once, at=at)):
            return replay
        _add(transaction, stored)
        if bound is not None:
            # Nobody counts now: a rotation that ended meanwhile did so without this row.
            if bound.address and not context.vault.is_current(bound.address.sealed):
                bound = _seal_binding(context, stored, bound.status, email)
            transaction.add_binding(bound)
        transaction.add_event(created)
        _store_response(transaction, organisation, once, made, at=at)
    transitions.log_event(created)
    return made


def find(context: ServiceContext, organisation: str, name: str) -> PassView:
    """The pass with this id or external id.

    Raises:
        ServiceRefused: `pass_not_found`.
    """
    with context.store.reading() as transaction:
        stored = transitions.require_pass(transaction, organisation, name)
        bound = transaction.binding(stored.id)
        stored_template = transaction.template(organisation, stored.template)
    return _view(context, stored, bound, stored_template)


def find_by_link(context: ServiceContext, token: str) -> PassView:
    """The pass whose public link holds this token. Looking changes nothing.

    Raises:
        ServiceRefused: `pass_not_found`, whatever is wrong with the token.
    """
    link_hash = context.vault.hash(Purpose.LINK_LOOKUP, token)
    with context.store.reading() as transaction:
        stored = transaction.pass_by_link(link_hash)
        if stored is None:
            raise transitions.pass_not_found()
        return _view(context, stored, transaction.binding(stored.id))


def renderable_pass(context: ServiceContext, view: PassView) -> Pass:
    """Returns the pass as its page draws it: without the address, and without a barcode if it is bound."""
    with context.store.reading() as transaction:
        stored_template = transaction.template(view.pass_.organisation, view.pass_.template)
    assert stored_template is not None  # noqa: S101 -- the store keeps templates that passes use
    if view.binding is None:
        return render_pass(view.pass_, stored_template)
    return render_bound_pass(view.pass_, stored_template, Binding(None, view.binding.learn_more_url))


def list_passes(
    context: ServiceContext, organisation: str, pass_filter: PassFilter, page: Page, *, bindings: bool = False
) -> tuple[Sequence[PassView], int]:
    """Passes from the newest on, and how many there are; their bindings only when asked for."""
    with context.store.reading() as transaction:
        found, total = transaction.passes(organisation, pass_filter, page)
        theirs = transaction.bindings([each.id for each in found])
        made: dict[str, PassView] = {}
        # One template after the other: a hundred archives at once would be a gigabyte.
        for template in dict.fromkeys(each.template for each in found):
            stored_template = transaction.template(organisation, template)
            members = [each for each in found if each.template == template]
            made |= {each.id: _view(context, each, theirs.get(each.id), stored_template) for each in members}
    listed = [made[each.id] for each in found]
    return listed if bindings else [replace(each, binding=None, mask=None) for each in listed], total


def update(
    context: ServiceContext,
    organisation: str,
    name: str,
    change: PassChanges,
    *,
    at: datetime,
    once: IdempotencyKey | None = None,
) -> PassView | ReplayedResponse:
    """A pass with other values. What is refused is refused whole.

    Raises:
        ServiceRefused: `pass_not_found`, `pass_nullified`, `pass_changed`, `pass_invalid`,
            `invalid_member`, `idempotency_key_reused`.
        BindingError: `binding_immutable` for any `binding` in the request, `binding_barcode_conflict`.
        PassRejected: no wallet could be given this pass.
    """
    for _ in range(transitions.TRIES):
        with context.store.reading() as transaction:
            if once and (replay := find_stored(transaction, organisation, once, at=at)):
                return replay
            was = transitions.require_pass(transaction, organisation, name)
            bound = transaction.binding(was.id)
            stored_template = transaction.template(organisation, was.template)
        assert stored_template is not None  # noqa: S101 -- the store keeps templates that passes use
        _check_change(was, bound, change, at=at)
        _check_direct(change.direct, stored_template)
        now = _apply_changes(was, change, at=at)
        if bound is None:
            rendered = render_pass(now, stored_template)
        else:
            binding = Binding(transitions.email_of(context, bound), bound.status.learn_more_url)
            rendered = render_bound_pass(now, stored_template, binding)
        _check(context, rendered, bound.status.platform if bound else None)
        made = _view(context, now, bound, stored_template)
        try:
            with context.store.writing() as transaction:
                if once and (replay := find_stored(transaction, organisation, once, at=at)):
                    return replay
                transaction.change_pass(was, now)
                _store_response(transaction, organisation, once, made, at=at)
        except StaleBinding:
            continue
        return made
    raise transitions.too_much_contention()


def nullify(
    context: ServiceContext, organisation: str, name: str, *, at: datetime, once: IdempotencyKey | None = None
) -> PassView | ReplayedResponse:
    """The end of a pass: address, mask, credentials and attempts are erased. Twice is as good as once.

    Raises:
        ServiceRefused: `pass_not_found`, `idempotency_key_reused`.
    """
    with context.store.writing() as transaction:
        if once and (replay := find_stored(transaction, organisation, once, at=at)):
            return replay
        was = transitions.require_pass(transaction, organisation, name)
        bound, now, noted = transaction.binding(was.id), was, None
        stored_template = transaction.template(organisation, was.template)
        if was.status is not PassStatus.NULLIFIED:
            now = replace(was, status=PassStatus.NULLIFIED, changed_at=at, nullified_at=at)
            now = replace(now, version=was.version + 1)
            transaction.change_pass(was, now)
            if bound is not None:
                step = lifecycle.advance(bound.status, lifecycle.Nullify(), at=at)
                bound, noted = transitions.apply_step(transaction, bound, step, at=at)
            else:
                noted = transitions.event(
                    was.id, now.version, lifecycle.EventKind.NULLIFY.value, transitions.DONE, at
                )
                transaction.add_event(noted)
        made = _view(context, now, bound, stored_template)
        _store_response(transaction, organisation, once, made, at=at)
    transitions.log_event(noted)
    return made


# --- parts --------------------------------------------------------------------


def _new(context: ServiceContext, organisation: str, options: PassRequest, *, at: datetime) -> StoredPass:
    pass_id = str(UUID(bytes=context.random(16), version=4))
    token = _token(context, organisation, pass_id)
    return StoredPass(
        id=pass_id,
        organisation=organisation,
        template=options.template,
        serial=transitions.base32_id(context.random(15)),
        link_hash=context.vault.hash(Purpose.LINK_LOOKUP, token),
        content=options.content.to_json(),
        ext_id=options.ext_id,
        expires_at=options.content.expires,
        created_at=at,
        changed_at=at,
    )


def _token(context: ServiceContext, organisation: str, pass_id: str) -> str:
    """The token of a pass's public link. It is made again when it is shown; the store can't tell it."""
    whole = context.vault.hash(Purpose.LINK, organisation, pass_id)
    return transitions.base32_id(whole[:TOKEN_BYTES])


def _url(context: ServiceContext, stored: StoredPass) -> str:
    return f"{context.base_url}/p/{_token(context, stored.organisation, stored.id)}"


def _check_ext_id(ext_id: str | None) -> None:
    if ext_id is not None and not transitions.EXT_ID.fullmatch(ext_id):
        rule = "must be 1 to 64 of the letters and digits of ASCII and . _ : -, the first a letter or digit"
        raise ServiceRefused(
            "pass_invalid", "the external id has the wrong form", pointers={"/pass/extId": rule}
        )


def _check_direct(names: frozenset[str], stored_template: StoredTemplate) -> None:
    """Refuses members of a request's `pass` that are not fields of the template either."""
    if names and (unknown := sorted(names.difference(template_of(stored_template).fields))):
        rule = "is neither a member of a pass nor a field of its template"
        pointers = {join_pointer("/pass", name): rule for name in unknown}
        raise ServiceRefused("invalid_member", "the pass has unknown members", pointers=pointers)


def _check(context: ServiceContext, rendered: Pass, platform: lifecycle.Platform | None = None) -> None:
    """Asks for a pass that its platform can be given, or at least one while none has it yet."""
    findings = [*validate_pass(rendered)]
    if has_errors(findings):
        raise PassRejected(Report.from_findings(findings))
    builders = {"apple": context.apple, "google": context.google}
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
            raise _ext_id_conflict()
    try:
        transaction.add_pass(stored)
    except AlreadyExists:
        raise _ext_id_conflict() from None


def _ext_id_conflict() -> ServiceRefused:
    rule = "must not be that of another pass, unless that one is nullified"
    return ServiceRefused(
        "ext_id_taken", "there is a pass with this external id", pointers={"/pass/extId": rule}
    )


def _seal_binding(context: ServiceContext, stored: StoredPass, status: Status, email: str) -> StoredBinding:
    sealed = context.vault.seal(
        email, purpose=Purpose.EMAIL, organisation_id=stored.organisation, pass_id=stored.id
    )
    return StoredBinding(
        pass_id=stored.id,
        organisation=stored.organisation,
        status=status,
        address=Address(sealed, mask(email)),
    )


def _store_response(
    transaction: Transaction, organisation: str, once: IdempotencyKey | None, made: PassView, *, at: datetime
) -> None:
    if once is not None:
        store_response(transaction, organisation, once, made, pass_id=made.pass_.id, mask=made.mask, at=at)


def _view(
    context: ServiceContext,
    stored: StoredPass,
    bound: StoredBinding | None,
    stored_template: StoredTemplate | None = None,
) -> PassView:
    return PassView(
        pass_=stored,
        facts=template_facts(stored, stored_template, bound=bound is not None) if stored_template else None,
        binding=bound.status if bound else None,
        mask=bound.address.mask if bound and bound.address else None,
        download_url=_url(context, stored),
    )


def _check_change(was: StoredPass, bound: StoredBinding | None, change: PassChanges, *, at: datetime) -> None:
    """Asks the table of transitions whether this update is possible."""
    status = bound.status if bound else None
    if change.binding is not ABSENT:
        lifecycle.advance(status, lifecycle.UpdateBinding(), at=at).raise_for_refusal()
    if was.status is PassStatus.NULLIFIED:
        raise ServiceRefused("pass_nullified", "the pass is nullified")
    adds = isinstance(change.barcode, BarcodeOptions) and change.barcode.enabled is not False
    if status is not None:
        lifecycle.advance(
            status, lifecycle.AddBarcode() if adds else lifecycle.Update(), at=at
        ).raise_for_refusal()
    if change.version not in (None, was.version):
        raise ServiceRefused("pass_changed", "the pass changed since this version of it was read")


# Members of a change that replace those of the content.
_REPLACED = ("barcode", "nfc", "expires", "message", "locations", "beacons", "group_tag", "tags")


def _apply_changes(was: StoredPass, change: PassChanges, *, at: datetime) -> StoredPass:
    content = PassContent.from_json(was.content)
    merged = {**content.values, **change.values}
    changes: dict[str, Any] = {"values": {key: value for key, value in merged.items() if value is not None}}
    for name in _REPLACED:
        if (value := getattr(change, name)) is not ABSENT:
            changes[name] = value
    content = replace(content, **changes)
    status, deactivated_at = was.status, was.deactivated_at
    if change.status == "deactivate":
        status, deactivated_at = PassStatus.DEACTIVATED, deactivated_at or at
    elif change.status == "reactivate" and status is PassStatus.DEACTIVATED:
        status, deactivated_at = PassStatus.ISSUED, None
    return replace(
        was,
        content=content.to_json(),
        expires_at=content.expires,
        status=status,
        changed_at=at,
        deactivated_at=deactivated_at,
        version=was.version + 1,
    )
