"""A template as a folder: template.toml, images/, translations/.

    coffee-club/
      template.toml            the definition
      images/icon.png          pictures; logo@2x.png, de/hero.png
      translations/de.toml     "Points" = "Punkte"

Every mistake of a folder is found in one go, each with its file and line.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from passwright import images
from passwright.definition import check_document, check_template, check_translations, template_document
from passwright.errors import BundleError, TemplateRejected
from passwright.kinds import KINDS
from passwright.report import Finding, Report, error, warning
from passwright.strictjson import dumps
from passwright.table import did_you_mean
from passwright.template import (
    Barcode,
    Colours,
    Field,
    Images,
    Link,
    Location,
    Nfc,
    Template,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from os import PathLike

    from passwright.kinds import Kind
    from passwright.table import Place

__all__ = ["load", "save"]

# A definition is a page or two; a megabyte is somebody's mistake.
MAX_TOML_BYTES = 2**20
# What desktops leave behind; never part of a pass.
LEFT_OVERS = frozenset({".DS_Store", "Thumbs.db", "desktop.ini", "__MACOSX"})
# Apple's picture names (Wallet Passes, Pass Design: images), then those we give Google's.
PICTURES = (
    *("icon", "logo", "strip", "background", "thumbnail", "footer", "artwork"),
    *("primaryLogo", "secondaryLogo", "venueMap", "personalizationLogo"),
    *("hero", "program-logo", "wide-logo"),
)
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z")


def load(folder: str | PathLike[str], *, kinds: Mapping[str, Kind] | None = None) -> Template:
    """The template in a folder. See `Template.load`."""
    template, report = read(folder, kinds=kinds)
    if template is None or not report.ok:
        raise TemplateRejected(report)
    return template


def read(
    folder: str | PathLike[str], *, kinds: Mapping[str, Kind] | None = None
) -> tuple[Template | None, Report]:
    """The template in a folder, as far as it can be read, and everything there is to say about it.

    Raises:
        OSError: the folder or a file in it can't be read.
    """
    root = Path(folder)
    text, findings = _text_of(root / "template.toml", "template.toml")
    if text is None:
        return None, Report.of(findings)
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as exc:
        line = re.search(r"at line (\d+)", str(exc))
        where = f"template.toml:{line[1]}" if line else "template.toml"
        reason = str(exc).split(" (at ")[0]
        return None, Report.of([*findings, error("bad-toml", where, f"this is not TOML: {reason}")])
    place = _place(text)
    findings += check_document(document, kinds=kinds, place=place)
    files, image_findings = _images(root / "images")
    translations, translation_findings = _translations(root / "translations")
    findings += [*image_findings, *translation_findings]
    if any(finding.severity.value == "error" for finding in findings):
        return None, Report.of(findings)
    template = _template(document, kinds or KINDS)
    template = replace(
        template,
        images=replace(template.images, files=files),
        translations=translations,
        source="template.toml",
    )
    findings += check_translations(template, lambda language: f"translations/{language}.toml")
    return template, Report.of(findings)


def _text_of(path: Path, name: str) -> tuple[str | None, list[Finding]]:
    data = path.read_bytes() if path.stat().st_size <= MAX_TOML_BYTES else b""
    if not data and path.stat().st_size:
        return None, [error("too-large", name, f"the file is larger than {MAX_TOML_BYTES} bytes")]
    try:
        return data.decode("utf-8"), []
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        return None, [error("not-utf8", f"{name}:{line}", "the text is not UTF-8", "save it as UTF-8")]


def _images(folder: Path) -> tuple[dict[str, bytes], list[Finding]]:
    files: dict[str, bytes] = {}
    findings: list[Finding] = []
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        name = path.relative_to(folder).as_posix()
        where = f"images/{name}"
        if LEFT_OVERS.intersection(path.parts) or path.name.startswith("._"):
            findings.append(
                warning("left-over", where, "a desktop left this here; it is not used", "delete it")
            )
        elif path.is_symlink() or not (path.is_dir() or path.is_file()):
            findings.append(error("not-a-regular-file", where, "this is a link or a device, not a picture"))
        elif path.is_dir():
            if path.parent != folder or not _LANGUAGE.match(path.name):
                hint = "folders here are named after languages: de, en-GB"
                findings.append(error("bad-name", where, "this folder is not a language", hint))
        elif problem := _unknown_picture(name):
            findings.append(warning("unknown-picture", where, *problem))
        else:
            data = path.read_bytes()
            try:
                images.check_png(data, name=where)
            except BundleError as exc:
                findings.append(error(exc.code, where, exc.message))
            files[name] = data
    return files, findings


def _unknown_picture(name: str) -> tuple[str, str] | None:
    """What is wrong with the name of a picture, and a hint; None if a wallet may use it."""
    split = images.split_name(name)
    if split is None:
        return "this is no .png file, so no wallet uses it", "pictures are PNG"
    picture = split[0].rpartition("/")[2]
    if picture in PICTURES:
        return None
    return f"no wallet knows a picture called {picture!r}", did_you_mean(picture, PICTURES)


def _translations(folder: Path) -> tuple[dict[str, dict[str, str]], list[Finding]]:
    translations: dict[str, dict[str, str]] = {}
    findings: list[Finding] = []
    for path in sorted(folder.glob("*.toml")) if folder.is_dir() else ():
        name = f"translations/{path.name}"
        if not _LANGUAGE.match(path.stem):
            findings.append(
                error("bad-name", name, "the file is not named after a language", "de.toml, en-GB.toml")
            )
        text, problems = _text_of(path, name)
        findings += problems
        try:
            document = tomllib.loads(text or "")
        except (tomllib.TOMLDecodeError, RecursionError) as exc:
            line = re.search(r"at line (\d+)", str(exc))
            where = f"{name}:{line[1]}" if line else name
            findings.append(error("bad-toml", where, f"this is not TOML: {str(exc).split(' (at ')[0]}"))
            continue
        for key, value in document.items():
            if not isinstance(value, str):
                message = f"the translation of {key!r} has to be text"
                hint = "put the key in quotes when it holds a dot" if isinstance(value, dict) else ""
                findings.append(error("wrong-type", name, message, hint))
        translations[path.stem] = {key: value for key, value in document.items() if isinstance(value, str)}
    return translations, findings


def _template(document: Mapping[str, Any], kinds: Mapping[str, Kind]) -> Template:
    """The template of a document that was found good."""
    made: dict[str, Any] = {**document, "kind": kinds[document["kind"]]}
    made["fields"] = {key: Field(**each) for key, each in document.get("fields", {}).items()}
    for name, part in (("colours", Colours), ("images", Images), ("barcode", Barcode)):
        if name in document:
            made[name] = part(**document[name])
    if "nfc" in document:
        lists = {key: tuple(v) for key, v in document["nfc"].items() if isinstance(v, list)}
        made["nfc"] = Nfc(**{**document["nfc"], **lists})
    made["links"] = tuple(Link(**link) for link in document.get("links", ()))
    made["locations"] = tuple(Location(**location) for location in document.get("locations", ()))
    return Template(**made)


# A line that opens a table, and one that gives a key; enough to find the line of a
# pointer in a text that a real parser has accepted (TOML 1.0.0).
_TABLE = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(
    r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*="""
)
_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")


def _place(text: str) -> Place:
    """A function from pointers to `template.toml:line#pointer`."""
    lines = dict(_lines(text))

    def place(pointer: str) -> str:
        known = pointer
        while known and known not in lines:
            known = known.rpartition("/")[0]
        return f"template.toml:{lines.get(known, 1)}#{pointer}"

    return place


def _lines(text: str) -> Iterator[tuple[str, int]]:
    table = ""
    arrays: dict[str, int] = {}
    quotes = ""
    for number, line in enumerate(text.splitlines(), 1):
        if quotes:  # inside a text of several lines nothing is a key
            quotes = "" if quotes in line else quotes
            continue
        if match := _TABLE.match(line):
            table = "".join(f"/{part.strip(chr(34) + chr(39))}" for part in _PART.findall(match[2]))
            if match[1] == "[[":
                arrays[table] = arrays.get(table, -1) + 1
                table = f"{table}/{arrays[table]}"
            yield table, number
        elif match := _KEY.match(line):
            pointer = table
            for part in _PART.findall(match[1]):
                pointer += f"/{part.strip(chr(34) + chr(39))}"
                yield pointer, number
            value = line[match.end() :]
            quotes = next((q for q in ('"""', "'''") if value.count(q) % 2), "")


def save(template: Template, folder: str | PathLike[str]) -> None:
    """Write a template as a folder. See `Template.save`."""
    findings = [finding for finding in check_template(template) if finding.severity.value == "error"]
    if findings:
        raise TemplateRejected(Report.of(findings))
    root = Path(folder)
    if root.exists() and any(root.iterdir()):
        raise FileExistsError(f"{root} is there already and not empty")
    root.mkdir(parents=True, exist_ok=True)
    for name, data in template.images.files.items():
        path = root / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    for language, texts in template.translations.items():
        path = root / "translations" / f"{language}.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = (f"{dumps(text)} = {dumps(translated)}\n" for text, translated in texts.items())
        path.write_text("".join(lines), "utf-8")
    # Last, so that a folder with a template.toml is a whole one.
    (root / "template.toml").write_text(to_toml(template), "utf-8")


def to_toml(template: Template) -> str:
    """The template as the text of a template.toml."""
    document = template_document(template)
    parts = []
    plain: dict[str, Any] = {
        key: value for key, value in document.items() if not isinstance(value, (dict, list))
    }
    inline = {key: document[key] for key in ("colours", "images") if key in document}
    parts.append("".join(f"{key} = {_toml(value)}\n" for key, value in {**plain, **inline}.items()))
    for name in ("fields", "nfc", "barcode", "apple"):
        if document.get(name):
            members = (f"{_toml_key(key)} = {_toml(value)}\n" for key, value in document[name].items())
            parts.append(f"[{name}]\n" + "".join(members))
    for name in ("links", "locations"):
        for item in document.get(name, ()):
            members = (f"{_toml_key(key)} = {_toml(value)}\n" for key, value in item.items())
            parts.append(f"[[{name}]]\n" + "".join(members))
    for name, parts_of in document.get("google", {}).items():
        lines = (f"{_toml_key(key)} = {_toml(value)}\n" for key, value in parts_of.items())
        parts.append(f"[google.{name}]\n" + "".join(lines))
    return "\n".join(parts)


def _toml_key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else dumps(key)


def _toml(value: Any) -> str:
    """A value in TOML 1.0.0; its basic strings take the escapes of JSON."""
    if isinstance(value, dict):
        members = ", ".join(f"{_toml_key(key)} = {_toml(each)}" for key, each in value.items())
        return f"{{ {members} }}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(float(value))
    return dumps(value).replace("\x7f", "\\u007f")
