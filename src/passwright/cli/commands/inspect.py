"""Looking into passes and save links without judging them: `inspect`."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from passwright import strict_json
from passwright.apple.cms import parser
from passwright.apple.container.limits import PASS_LIMITS
from passwright.apple.reading.contents import read
from passwright.apple.rules.layouts import layouts
from passwright.apple.trust import certificate
from passwright.cli import files, json_output, options, output
from passwright.errors import InvalidInput, KeyMaterialError, UsageError
from passwright.google.reading import link, token
from passwright.images import png
from passwright.signing import read_public_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    from passwright.apple.reading.contents import Contents
    from passwright.report import Finding

__all__ = ["inspect"]


def inspect(
    what: Annotated[
        str,
        typer.Argument(
            metavar="FILE|LINK|TOKEN",
            help="A .pkpass, a save link, a token, a file with one of them or claims; - is standard input.",
            show_default=False,
        ),
    ],
    *,
    key: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Verify a link with this public key or certificate (PEM) or service account (JSON).",
        ),
    ] = None,
    as_json: options.Json = False,
) -> int:
    """Show the content of a pass or a save link, without validation. See also `verify` and `check`."""
    given = link.is_link_text(what)
    data = what.encode() if given else files.read(Path(what), PASS_LIMITS.archive_bytes)
    with nullcontext() if given else files.naming(what):
        if data.startswith(b"PK"):
            _show_pass(read(data), as_json=as_json)
        else:
            _show_link(_parse_link(data, may_be_pass=not given), key, as_json=as_json)
    return 0


def _parse_link(data: bytes, *, may_be_pass: bool) -> link.LinkText:
    """Parses the text of a link. For a file that is neither link nor pass the error names both."""
    try:
        return link.parse_link_text(data.decode("utf-8", "replace"))
    except InvalidInput as exc:
        if not may_be_pass:
            raise
        nor = "nor is it a .pkpass, which is a ZIP archive"
        raise InvalidInput(exc.code, exc.location, f"{exc.message}; {nor}") from exc


def _show_pass(contents: Contents, *, as_json: bool) -> None:
    document = _pass(contents)
    if as_json:
        output.print_document(document)
    else:
        output.print_contents(document)
        # Whom the certificate is for is not looked at here.
        output.print_layouts(layouts(contents.document, contents.files), on=output.console())


def _show_link(found: link.LinkText, key: Path | None, *, as_json: bool) -> None:
    document, odd = _link(found, key)
    if as_json:
        output.print_document(document)
    else:
        output.print_claims(document)
        output.print_findings(odd, on=output.console())


def _link(found: link.LinkText, key: Path | None) -> tuple[dict[str, Any], tuple[Finding, ...]]:
    """Returns header and claims, never the token itself: the holder of the token can save the pass."""
    if found.form == "claims":
        claims = strict_json.loads(found.token.encode(), name="claims")
        return {"kind": "save-claims", "form": found.form, "verified": False, "claims": claims}, ()
    read = token.read(found.token, public_key=None if key is None else _public_key(key))
    document = {
        "kind": "save-link",
        "form": found.form,
        "verified": read.verified,
        "length": len(found.token),
        "header": read.header,
        "claims": read.claims,
        "findings": json_output.findings(found.findings),
    }
    return document, found.findings


def _public_key(path: Path) -> RSAPublicKey:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    from passwright.google.issuer import Issuer

    data = files.read(path, files.MAX_KEY_BYTES)
    if data.lstrip().startswith(b"{"):
        found: object = Issuer.from_service_account(data, issuer_id="0").public_key
    elif b"PRIVATE KEY-----" in data:
        raise UsageError(f"{path} holds a private key: give its public key")
    else:
        found = read_public_key(data)
    if found is None:
        raise KeyMaterialError(
            f"{path} is not a public key: give one in PEM, a certificate, or a service account's JSON"
        )
    if not isinstance(found, RSAPublicKey):
        raise KeyMaterialError(f"{path}: save links are signed with RSA keys, this is another kind")
    return found


def _pass(contents: Contents) -> dict[str, Any]:
    document, found, style = contents.document, contents.files, contents.style
    return {
        "kind": "pkpass",
        "pass_type_identifier": document.get("passTypeIdentifier"),
        "team_identifier": document.get("teamIdentifier"),
        "serial_number": document.get("serialNumber"),
        "organisation": document.get("organizationName"),
        "description": document.get("description"),
        "style": style,
        "expires": document.get("expirationDate"),
        "nfc": bool(document.get("nfc")),
        "barcodes": [code.get("format") for code in _barcodes(document)],
        "fields": list(_fields(document[style])) if style else [],
        "pictures": list(_pictures(found)),
        "languages": sorted({name.partition(".lproj/")[0] for name in found if ".lproj/" in name}),
        "files": {name: len(data) for name, data in sorted(found.items())},
        "signature": _signature(found.get("signature", b"")),
    }


def _barcodes(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    codes = document.get("barcodes") or [document.get("barcode")]
    yield from (code for code in codes if isinstance(code, dict)) if isinstance(codes, list) else ()


def _fields(style: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for slot, fields in style.items():
        for each in fields if isinstance(fields, list) else ():
            if isinstance(each, dict):
                members = {name: each.get(name) for name in ("key", "label", "value")}
                yield {"slot": slot.removesuffix("Fields"), **members}


def _pictures(found: Mapping[str, bytes]) -> Iterator[dict[str, Any]]:
    for name, data in sorted(found.items()):
        if not name.endswith(".png"):
            continue
        try:
            size = png.png_size(data, name=name)
        except InvalidInput:
            yield {"name": name, "bytes": len(data), "width": None, "height": None}
        else:
            yield {"name": name, "bytes": len(data), "width": size.width, "height": size.height}


def _signature(data: bytes) -> dict[str, Any] | None:
    """Returns the claims of the signature; None if there is none or it can't be read."""
    try:
        signed = parser.parse(data)
        holders = [certificate.parse(octets) for octets in signed.certificates]
    except InvalidInput as exc:
        return {"error": exc.message} if data else None
    return {
        "bytes": len(data),
        "signed_at": signed.signing_time.isoformat() if signed.signing_time else None,
        "algorithm": f"{signed.algorithm} with {signed.digest}",
        "certificates": [
            {
                "name": output.common_name(holder),
                "valid_from": holder.not_valid_before_utc.isoformat(),
                "valid_to": holder.not_valid_after_utc.isoformat(),
            }
            for holder in holders
        ],
    }
