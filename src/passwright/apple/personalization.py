"""Signing up for a rewards card in Wallet: what the sheet asks, and what the server does then.

    1. The pass carries personalization.json and the picture personalizationLogo.
       When it is added, Wallet shows a sheet with the fields and the terms.
    2. Wallet posts what the holder entered, and a token:  `read_request`.
    3. The server stores it and answers with the token's signature:  `sign_token`,
       served as `SIGNATURE_MIME_TYPE`.
    4. Wallet fetches the pass again, and now gets it from a template without
       personalization:  `dataclasses.replace(template, personalization=None)`.

Source: Apple, Wallet Passes, "Personalizing a pass", and Return a Personalized Pass.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from passwright import strict_json
from passwright.apple.build.pass_json import pass_validator
from passwright.errors import InvalidInput
from passwright.report import Finding, Severity, error
from passwright.schema.pointers import locator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from passwright.apple.identity import Identity
    from passwright.model.template import Template

__all__ = [
    "FILE",
    "SIGNATURE_MIME_TYPE",
    "PersonalizationRequest",
    "check_files",
    "files",
    "read_request",
    "sign_token",
]

FILE = "personalization.json"

MAX_ITEMS = 500
"""Items of personalization.json that are read; a sheet has a dozen."""

SIGNATURE_MIME_TYPE = "application/octet-stream"
"""What the answer to Wallet, the token's signature, is served as."""

# Names of personalization fields in a template, with Apple's PKPassPersonalizationField.
FIELDS = {
    "name": "PKPassPersonalizationFieldName",
    "email": "PKPassPersonalizationFieldEmailAddress",
    "phone": "PKPassPersonalizationFieldPhoneNumber",
    "postal_code": "PKPassPersonalizationFieldPostalCode",
}
_LOGO = re.compile(r"(?:[^/]+\.lproj/)?personalizationLogo(?:@[23]x)?\.png")
# A name, an address, a number and a token: Wallet sends less than a kilobyte.
MAX_REQUEST_BYTES = 16 * 2**10
MAX_TOKEN_BYTES = 2**10
_REQUEST = "personalize"


# --- the files of the pass -----------------------------------------------------------------------


def files(template: Template) -> dict[str, bytes]:
    """personalization.json of a template, or nothing. Its texts are translated by `pass.strings`."""
    asked = template.personalization
    if asked is None:
        return {}
    document: dict[str, object] = {
        "requiredPersonalizationFields": [FIELDS[name] for name in asked.fields],
        "description": asked.description,
    }
    if asked.terms:
        document["termsAndConditions"] = asked.terms
    return {FILE: strict_json.dumps(document).encode()}


def check_files(files: Mapping[str, bytes], *, writing: bool) -> Iterator[Finding]:
    """Yields the faults of personalization.json and its logo among the files of a pass.

    What pass.json has to hold beside it is asked by the rules of pass.json.
    With `writing` False a part that is missing warns: the pass is shown
    without the sheet then.
    """
    if FILE not in files:
        return
    severity = Severity.ERROR if writing else Severity.WARNING
    try:
        tolerated = strict_json.loads_tolerant(files[FILE], name=FILE, max_items=MAX_ITEMS)
    except InvalidInput as exc:
        yield error(exc.code, exc.location, exc.message)
        return
    yield from tolerated.findings
    document = tolerated.value
    yield from pass_validator().check("Personalize", document, place=locator(FILE), writing=writing)
    if isinstance(document, dict):
        yield from _check_asked(document.get("requiredPersonalizationFields"), severity)
    if not any(data and _LOGO.fullmatch(name) for name, data in files.items()):
        message = "without its logo Wallet does not show the sheet for signing up"
        hint = "add images/personalizationLogo@3x.png, 450 x 120 pixels"
        yield Finding("personalization-needs-logo", severity, "personalizationLogo.png", message, hint)


def _check_asked(asked: object, severity: Severity) -> Iterator[Finding]:
    where = f"{FILE}#/requiredPersonalizationFields"
    if asked == []:
        message, hint = "the sheet asks for nothing", f"ask for one of {', '.join(FIELDS)}"
        yield Finding("personalization-asks-nothing", severity, where, message, hint)
    seen: set[str] = set()
    for index, name in enumerate(asked if isinstance(asked, list) else ()):
        if isinstance(name, str) and name in seen:
            yield Finding("duplicate-value", severity, f"{where}/{index}", "this is asked for twice")
        elif isinstance(name, str):
            seen.add(name)


# --- the server's half ---------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class PersonalizationRequest:
    """The body that Wallet posts when a holder has signed up. `repr` shows none of it.

    Wallet sends what the sheet asked for; the rest is None. `country` is an ISO
    3166 code in capitals, sent where the device knows it. Nobody has checked
    that address or number are the holder's.
    """

    token: str = field(repr=False)
    full_name: str | None = field(default=None, repr=False)
    given_name: str | None = field(default=None, repr=False)
    family_name: str | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    postal_code: str | None = field(default=None, repr=False)
    country: str | None = field(default=None, repr=False)


_MEMBERS = {
    "full_name": "fullName",
    "given_name": "givenName",
    "family_name": "familyName",
    "email": "emailAddress",
    "phone": "phoneNumber",
    "postal_code": "postalCode",
    "country": "ISOCountryCode",
}


def read_request(body: bytes) -> PersonalizationRequest:
    """Reads the body that Wallet posts to `.../personalize`. Members that newer systems may add are
    ignored.

    Raises: InvalidInput: it is not JSON, lacks or mistypes a member, is longer than `MAX_REQUEST_BYTES`, or
    holds a token that `sign_token` refuses.
    """
    document = strict_json.loads(body, name=_REQUEST, max_bytes=MAX_REQUEST_BYTES)
    for finding in pass_validator().check(
        "PersonalizationDictionary", document, place=locator(_REQUEST), writing=False
    ):
        if finding.severity is Severity.ERROR:
            raise InvalidInput(finding.code, finding.location, finding.message)
    _check_token(document["personalizationToken"])
    info = document["requiredPersonalizationInfo"]
    return PersonalizationRequest(
        token=document["personalizationToken"],
        **{name: info.get(member) for name, member in _MEMBERS.items()},
    )


def sign_token(identity: Identity, token: str, *, at: datetime) -> bytes:
    """The detached signature over the token's UTF-8 bytes, in DER: the body of the answer to Wallet.

    The token comes from the poster, and is signed by the key that signs passes, over nothing but these
    bytes. A token that were the text of a manifest would make a pass of the poster's own, signed by you.
    Every manifest is a JSON object, so a token with a brace is refused.

    Raises:
        InvalidInput: `unsafe-token`: it is empty, longer than `MAX_TOKEN_BYTES`,
            or could be a manifest.
        KeyMaterialError: a certificate isn't valid at `at`.
        SignerFailed: a signer of others raised, or its answer doesn't verify.
        ValueError: `at` is naive.
    """
    return identity.sign_manifest(_check_token(token), at=at)


def _check_token(token: str) -> bytes:
    octets = token.encode("utf-8", "surrogatepass")
    if not octets or len(octets) > MAX_TOKEN_BYTES:
        fault = f"a token has 1 to {MAX_TOKEN_BYTES:,} bytes, this has {len(octets):,}"
    elif not token.isprintable():
        # NUL among them: with it the bytes could be JSON in UTF-16, whose brace is another.
        fault = "the token holds characters nobody sees"
    elif "{" in token:
        fault = "the token holds a brace, so it could be the manifest of a pass"
    else:
        return octets
    raise InvalidInput("unsafe-token", f"{_REQUEST}#/personalizationToken", fault)
