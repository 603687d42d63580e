"""Google's rules for barcodes: digits and check digits, encodings, rotating patterns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from passwright.documents.rule import Rule
from passwright.google.schema import payload_schema
from passwright.gs1 import has_check_digit
from passwright.report import Finding, error, warning

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from passwright.schema.pointers import Locator

__all__ = ["rules"]

# Old spelling or new, the same without its case and underscores -> how many digits.
# GS1 General Specifications 7.9.1; a UPC-A without its check digit gets one from the reader's side.
DIGITS: Mapping[str, tuple[int, ...]] = {"ean8": (8,), "ean13": (13,), "upca": (11, 12), "itf14": (14,)}
UPC_WITHOUT_CHECK_DIGIT = 11
# Far below what a QR code can hold, about where phones begin to fail.
MAX_BYTES = 500
# Google, RotatingBarcode.valuePattern.
_SUBSTITUTION = re.compile(r"\{(totp_[A-Za-z0-9_]*)\}", re.ASCII)
_VALUE = re.compile(r"totp_value_([0-9]{1,3})", re.ASCII)
_TIMES = ("totp_timestamp_millis", "totp_timestamp_seconds")


def rules(object_type: str) -> tuple[Rule, ...]:
    """The rules of an object's codes; `object_type` is `transitObject` or another."""
    transit = object_type == "transitObject"
    return (
        Rule("object", ("/barcode/**",), _check_encoding),
        Rule("object", ("/rotatingBarcode/**",), _check_rotating_encoding),
        Rule("object", ("/barcode/**",), _check_content),
        Rule("object", ("/rotatingBarcode/**",), _check_pattern),
        Rule("object", ("/rotatingBarcode/**",), _check_stored_transit if transit else _check_stored),
        Rule(
            "object",
            ("/barcode/**", "/rotatingBarcode", "/passConstraints/screenshotEligibility"),
            _check_screenshot,
        ),
    )


def _normalize_type(kind: object) -> str:
    return str(kind).replace("_", "").lower()


def _check_encoding(document: Mapping[str, Any], _: Any, place: Locator) -> Iterator[Finding]:
    yield from _check_utf_8(document.get("barcode"), place("/barcode/renderEncoding"))


def _check_rotating_encoding(document: Mapping[str, Any], _: Any, place: Locator) -> Iterator[Finding]:
    yield from _check_utf_8(document.get("rotatingBarcode"), place("/rotatingBarcode/renderEncoding"))


def _check_utf_8(code: Any, where: str) -> Iterator[Finding]:
    if not isinstance(code, dict) or _normalize_type(code.get("renderEncoding")) != "utf8":
        return
    if _normalize_type(code.get("type")) != "qrcode":
        yield error("bad-value", where, "UTF_8 goes with QR_CODE only", "leave renderEncoding out")


def _check_content(document: Mapping[str, Any], _: Any, place: Locator) -> Iterator[Finding]:
    code: Mapping[str, Any] = document.get("barcode") or {}
    kind, value, where = _normalize_type(code.get("type")), code.get("value"), place("/barcode/value")
    if kind == "textonly" and "alternateText" in code:
        message = "a code of TEXT_ONLY is its own text, and can't have another below"
        yield error("keys-exclude", place("/barcode/alternateText"), message, "leave alternateText out")
    if value is None:
        return
    lengths = DIGITS.get(kind)
    if lengths is None:
        if (size := len(value.encode("utf-8", "replace"))) > MAX_BYTES:
            message = f"the code holds {size} bytes, above {MAX_BYTES} many phones fail to read it"
            yield warning("code-too-dense", where, message, "put a short reference into the code")
    elif not re.fullmatch("[0-9]+", value, re.ASCII) or len(value) not in lengths:
        wanted = " or ".join(map(str, lengths))
        yield error("code-misfit", where, f"this code has to have {wanted} digits, and nothing else")
    elif len(value) != UPC_WITHOUT_CHECK_DIGIT and not has_check_digit(value):
        # The code may be a holder's, so neither it nor its right digit is repeated.
        message = "the last digit is not the check digit of those before it"
        yield error("code-misfit", where, message, "look for a digit that was mistyped or exchanged")


def _check_pattern(document: Mapping[str, Any], _: Any, place: Locator) -> Iterator[Finding]:
    """Google, RotatingBarcode: what the substitutions of the pattern name is there."""
    code = document.get("rotatingBarcode")
    if not isinstance(code, dict):
        return
    # Old spellings the table takes for what they stand for, and does not compare.
    old = payload_schema().objects["RotatingBarcode"]["type"].keywords["aliases_of"]
    if old.get(code.get("type"), "QR_CODE") not in ("QR_CODE", "PDF_417"):
        where = place("/rotatingBarcode/type")
        yield error("unknown-value", where, "type can't have this value", "one of QR_CODE, PDF_417")
    if "valuePattern" not in code and "initialRotatingBarcodeValues" not in code:
        message = "a rotating code without valuePattern has nothing to show"
        yield warning("missing-key", place("/rotatingBarcode"), message)
    where = place("/rotatingBarcode/valuePattern")
    there = len(code.get("totpDetails", {}).get("parameters", ()))
    for name in dict.fromkeys(_SUBSTITUTION.findall(code.get("valuePattern", ""))):
        match = _VALUE.fullmatch(name)
        if match and int(match[1]) < there:
            continue
        if match:
            message = f"the pattern asks for parameter {int(match[1])}, and totpDetails has {there} of them"
            yield error("unknown-parameter", where, message, "they are counted from 0")
        elif name not in _TIMES:
            hint = f"one of totp_value_0, {', '.join(_TIMES)}"
            yield warning("unknown-parameter", where, "Google puts nothing in the place of a name here", hint)


def _values(document: Mapping[str, Any]) -> Any:
    code = document.get("rotatingBarcode")
    return code.get("initialRotatingBarcodeValues") if isinstance(code, dict) else None


def _check_stored_transit(document: Mapping[str, Any], _: Any, place: Locator) -> Iterator[Finding]:
    values = _values(document)
    if values is not None and values.get("values") == []:
        where = place("/rotatingBarcode/initialRotatingBarcodeValues/values")
        yield error(
            "rotating-values-empty", where, "there are no codes to rotate through", "give at least one"
        )


def _check_stored(document: Mapping[str, Any], _: Any, place: Locator) -> Iterator[Finding]:
    if _values(document) is not None:
        where = place("/rotatingBarcode/initialRotatingBarcodeValues")
        message = "codes that were worked out before are shown by transit tickets only"
        yield warning("rotating-values-unused", where, message, "give valuePattern and totpDetails instead")


def _check_screenshot(document: Mapping[str, Any], _: Any, place: Locator) -> Iterator[Finding]:
    constraints = document.get("passConstraints") or {}
    if constraints.get("screenshotEligibility") != "INELIGIBLE" or "rotatingBarcode" in document:
        return
    code = document.get("barcode") or {}
    if code.get("value") and _normalize_type(code.get("type")) != "textonly":
        yield warning(
            "screenshot-of-static-code",
            place("/passConstraints/screenshotEligibility"),
            "screenshots are blocked, and another phone's camera still copies a code that never changes",
            "add a rotatingBarcode",
        )
