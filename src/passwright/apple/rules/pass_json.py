"""Apple's rules for pass.json and the files beside it, beyond the schema."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from passwright.apple.build.pass_json import LEARN_MORE, pass_validator
from passwright.apple.rules import pitfalls, placement
from passwright.apple.rules.layouts import STYLES, fields, fields_without_pointers, style_of
from passwright.binding.rules import forbid_barcode, is_bound_payload
from passwright.documents.rule import Rule
from passwright.documents.validator import DocumentValidator
from passwright.report import Finding, Severity, error, note, warning
from passwright.schema.pointers import join_pointer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from passwright.apple.context import ValidationContext
    from passwright.schema.pointers import Locator

__all__ = ["STYLES", "style_of", "validator"]


def _forbid_barcode(
    document: Mapping[str, Any], context: ValidationContext, place: Locator
) -> Iterator[Finding]:
    places = [(place("/barcode"), document.get("barcode"))]
    codes = document.get("barcodes")
    if isinstance(codes, list):
        places += [(place(f"/barcodes/{index}"), code) for index, code in enumerate(codes)]
    else:
        places.append((place("/barcodes"), codes))
    yield from forbid_barcode(places, bound=context.bound or is_bound_payload(document))


def _binding(document: Mapping[str, Any], context: ValidationContext, place: Locator) -> Iterator[Finding]:
    if not (context.bound or is_bound_payload(document)):
        return
    if not document.get("nfc"):
        severity = Severity.ERROR if context.needs_nfc else Severity.WARNING
        yield Finding(
            "apple-binding-needs-nfc",
            severity,
            place("/nfc"),
            "a bound pass is used through NFC on Apple, and this one has none",
            "add [nfc] with apple_key to the template",
        )
    if context.writing and not document.get("issuerBindingData"):
        yield note(
            "apple-binding-not-enforced-by-file",
            place(""),
            "nothing in this file keeps others from adding it",
            "hand it out through a service that checks who asks",
        )
    yield from _binding_members(document, context, place)


def _binding_members(
    document: Mapping[str, Any], context: ValidationContext, place: Locator
) -> Iterator[Finding]:
    """Checks the members that a builder writes into a bound pass: an override may have removed them."""
    if document.get("sharingProhibited") is not True:
        severity = Severity.ERROR if context.writing else Severity.WARNING
        where, message = place("/sharingProhibited"), "a bound pass has to switch sharing off"
        yield Finding("apple-binding-allows-sharing", severity, where, message, "set it to true")
    nfc = document.get("nfc")
    if nfc and nfc.get("requiresAuthentication") is not True:
        yield warning(
            "apple-binding-without-authentication",
            place("/nfc/requiresAuthentication"),
            "any person with the unlocked phone can use this bound pass",
            "set it to true: the holder then confirms with face, finger or passcode",
        )
    if context.writing and not any(each.get("key") == LEARN_MORE for _, _, each in fields(document)):
        message = "the learn-more link of the binding was taken out of the back fields"
        hint = "change the back fields in the template, not in an override"
        yield warning("apple-binding-without-link", place(""), message, hint)


_TEXT = {str}


def _unique_field_keys(
    document: Mapping[str, Any], context: ValidationContext, place: Locator
) -> Iterator[Finding]:
    names = [each.get("key") for each in fields_without_pointers(document)]
    if set(map(type, names)) <= _TEXT and len(set(names)) == len(names):
        return
    # Keys may be repeated between a poster and the style it stands beside.
    seen: dict[tuple[str, str], str] = {}
    severity = Severity.ERROR if context.writing else Severity.WARNING
    for pointer, _, each in fields(document):
        key = each.get("key")
        if not isinstance(key, str):
            continue
        style = pointer.split("/")[1]
        if (style, key) in seen:
            message = f"the field key {key!r} is used at {seen[style, key]} already"
            hint = "give every field a key of its own"
            yield Finding("duplicate-field-key", severity, place(join_pointer(pointer, "key")), message, hint)
        seen.setdefault((style, key), pointer)


# ISO/IEC 18004, table 7: the largest code there is holds 7,089 digits.
_MAX_MESSAGE = 7089


def _encodable(document: Mapping[str, Any], _: ValidationContext, place: Locator) -> Iterator[Finding]:
    codes = [("/barcode", document.get("barcode"))]
    codes += [(f"/barcodes/{index}", code) for index, code in enumerate(document.get("barcodes") or [])]
    for pointer, code in codes:
        if not isinstance(code, dict) or not isinstance(code.get("message"), str):
            continue
        charset = code.get("messageEncoding")
        try:
            # The slowest codecs there are take quadratic time.
            code["message"][:_MAX_MESSAGE].encode(charset if isinstance(charset, str) else "iso-8859-1")
        except (
            LookupError,
            ValueError,
        ):  # codecs such as base64 and idna raise others than UnicodeEncodeError
            where, message = (
                place(join_pointer(pointer, "message")),
                f"the message can't be written in {charset}",
            )
            yield error("code-not-encodable", where, message, "use utf-8")


def _web_service(document: Mapping[str, Any], _: ValidationContext, place: Locator) -> Iterator[Finding]:
    url = document.get("webServiceURL")
    if isinstance(url, str) and url.rstrip("/").endswith("/v1"):
        message = "Wallet adds /v1 itself, so this asks for /v1/v1"
        yield warning("web-service-version", place("/webServiceURL"), message, "leave the /v1 out")


def _identifiers(
    document: Mapping[str, Any], context: ValidationContext, place: Locator
) -> Iterator[Finding]:
    if context.identity is None:
        return
    for code, key, wanted in (
        ("pass-type-mismatch", "passTypeIdentifier", context.identity.pass_type_identifier),
        ("team-mismatch", "teamIdentifier", context.identity.team_identifier),
    ):
        found = document.get(key)
        if isinstance(found, str) and found != wanted:
            message = f"{key} is {found!r}, the certificate signs for {wanted!r}"
            hint = "take it out of the overrides, or sign with the certificate for it"
            yield error(code, place(f"/{key}"), message, hint)


def _nfc_certificate(
    document: Mapping[str, Any], context: ValidationContext, place: Locator
) -> Iterator[Finding]:
    if context.identity is None or context.identity.nfc or not document.get("nfc"):
        return
    severity = Severity.ERROR if context.strict else Severity.WARNING
    yield Finding(
        "nfc-needs-certificate",
        severity,
        place("/nfc"),
        "phones refuse NFC in a pass whose certificate is not for NFC",
        "ask Apple for NFC, then sign with a 'Pass Type ID with NFC' certificate",
    )


def _personalization(
    document: Mapping[str, Any], context: ValidationContext, place: Locator
) -> Iterator[Finding]:
    """Checks the members of pass.json that a sign-up sheet needs."""
    if not context.personalized:
        return
    severity = Severity.ERROR if context.writing else Severity.WARNING
    if not document.get("nfc"):
        message = "Wallet asks nobody to sign up for a pass without NFC"
        hint = "add [nfc] with apple_key, or take [personalization] out"
        yield Finding("personalization-needs-nfc", severity, place("/nfc"), message, hint)
    if context.bound or is_bound_payload(document):
        # The first person who opened the file could sign up in the holder's place.
        message = "a bound pass has its holder, so nobody can sign up for it"
        hint = "issue it from a template without personalization"
        yield Finding("personalization-on-bound-pass", severity, place(""), message, hint)
    style = style_of(document)
    if style not in (None, "storeCard"):
        message = f"the sheet for signing up is known for storeCard only, and this is {style}"
        yield warning("personalization-style", place(f"/{style}"), message, "try it on a phone")


_IDENTIFIERS = ("/passTypeIdentifier", "/teamIdentifier")
_STYLE_KEYS = tuple(f"/{style}/*/*/key" for style in (*STYLES, "posterGeneric"))

_BINDING = ("/saveRestrictions", "/fidoProfile", "/issuerBindingData")

_BARCODE_MEMBERS = frozenset({"barcode", "barcodes"})

RULES = (
    # Asked even where types are wrong: a payload has to be refused for each of its reasons.
    Rule(
        "pass.json",
        ("/barcode", "/barcodes/*", *_BINDING),
        _forbid_barcode,
        requires_types=False,
        requires_members=_BARCODE_MEMBERS,
    ),
    Rule(
        "pass.json",
        ("/nfc", "/nfc/requiresAuthentication", "/sharingProhibited", *_STYLE_KEYS, *_BINDING),
        _binding,
    ),
    Rule("pass.json", _STYLE_KEYS, _unique_field_keys),
    Rule("pass.json", ("/barcode/**", "/barcodes/**"), _encodable, requires_members=_BARCODE_MEMBERS),
    Rule("pass.json", ("/webServiceURL",), _web_service, requires_members=frozenset({"webServiceURL"})),
    Rule("pass.json", _IDENTIFIERS, _identifiers),
    Rule("pass.json", ("/nfc",), _nfc_certificate, requires_members=frozenset({"nfc"})),
    Rule("pass.json", ("/nfc", *_BINDING), _personalization),
    *placement.RULES,
    *pitfalls.RULES,
)


def validator(extra: Iterable[Rule] = ()) -> DocumentValidator:
    """The judge of pass.json; `extra` are rules of the caller."""
    own = tuple(rule for rule in extra if rule.document == "pass.json")
    return replace(_validator(), rules=RULES + own) if own else _validator()


@cache
def _validator() -> DocumentValidator:
    return DocumentValidator("pass.json", pass_validator(), "Pass", RULES)
