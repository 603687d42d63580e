"""A template as a folder: template.toml, images/, translations/.

    coffee-club/
      template.toml            the definition
      images/icon.png          pictures; logo@2x.png, de/hero.png
      translations/de.toml     "Points" = "Punkte"

Every mistake of a folder is reported in one run, each with its file and line.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from passwright import atomic_file
from passwright.errors import InvalidInput, TemplateRejected
from passwright.images import fitting, png
from passwright.model import toml_lines
from passwright.model.kinds import KINDS
from passwright.model.parts import Barcode, Colours, Field, Images, Link, Location, Nfc, Personalization
from passwright.model.template import Template
from passwright.model.validation import (
    template_document,
    validate_document,
    validate_template,
    validate_translations,
)
from passwright.report import Finding, Report, Severity, error, has_errors, warning
from passwright.schema.pointers import did_you_mean, join_pointer, locator, printable, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from os import PathLike
    from typing import TypeAlias

    from passwright.model.kinds import Kind
    from passwright.schema.pointers import Locator

    # A file's name and the most bytes it may have -> its bytes, or what is wrong with it.
    _DataOf: TypeAlias = Callable[[str, int], tuple[bytes | None, list[Finding]]]

__all__ = ["API_MEMBERS", "from_files", "load", "read", "read_files", "save", "to_files"]

# A definition is a page or two; a megabyte is a mistake.
MAX_TOML_BYTES = 2**20
# The largest picture that a wallet shows is a tenth of this.
MAX_PICTURE_BYTES = 20 * 2**20
# Junk files of desktops; never part of a pass.
LEFT_OVERS = frozenset({".DS_Store", "Thumbs.db", "desktop.ini", "__MACOSX"})
# The parts of a template folder; anything else in it is the owner's business.
PARTS = ("template.toml", "images", "translations")
# Members directly in the `pass` of a request that the issuing service reserves: a field of one of these
# names can be given in `values` only.
API_MEMBERS = frozenset(
    {"barcode", "beacons", "expiresAt", "extId", "groupTag", "locations", "message", "nfc"}
    | {"passAction", "qr", "qrCode", "status", "tags", "values"}
)
# Apple's picture names (Wallet Passes, Pass Design: images), then those we give Google's.
PICTURES = (
    *("icon", "logo", "strip", "background", "thumbnail", "footer", "artwork"),
    *("primaryLogo", "secondaryLogo", "venueMap", "personalizationLogo"),
    *("hero", "program-logo", "wide-logo"),
)
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z")


def load(folder: str | PathLike[str], *, kinds: Mapping[str, Kind] | None = None) -> Template:
    """The template in a folder. See `Template.load`."""
    return _require_template(*read(folder, kinds=kinds))


def from_files(files: Mapping[str, bytes], *, kinds: Mapping[str, Kind] | None = None) -> Template:
    """The template in the files of a folder: `template.toml`, `images/icon.png` and so on, to their bytes.

    Raises:
        TemplateRejected: as `Template.load`; a missing template.toml is a mistake like others.
    """
    return _require_template(*read_files(files, kinds=kinds))


def _require_template(template: Template | None, report: Report) -> Template:
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
    top = sorted(path.name for path in root.iterdir())

    def data_of(name: str, most: int) -> tuple[bytes | None, list[Finding]]:
        return _data_of(root / name, printable(name), most, link=name == "template.toml")

    return _read([*top, *_list_files(root / "images"), *_list_files(root / "translations")], data_of, kinds)


def read_files(
    files: Mapping[str, bytes], *, kinds: Mapping[str, Kind] | None = None
) -> tuple[Template | None, Report]:
    """Reads a folder in memory, given as file names with slashes and their bytes, as `read` does."""

    def data_of(name: str, most: int) -> tuple[bytes | None, list[Finding]]:
        if name not in files:
            return None, [error("missing-file", name, "the template has no template.toml")]
        if len(files[name]) > most:
            return None, [_too_large_finding(printable(name), len(files[name]), most)]
        return files[name], []

    top = {name.partition("/")[0] for name in files}
    inner = sorted({f"{part}/" for name in files for part in _folders(name)} | set(files))
    return _read([*sorted(top), *(name for name in inner if "/" in name.rstrip("/"))], data_of, kinds)


def _folders(name: str) -> Iterator[str]:
    """The folders above a file, from the outermost on."""
    parts = name.split("/")[:-1]
    yield from ("/".join(parts[:depth]) for depth in range(1, len(parts) + 1))


def _list_files(folder: Path) -> Iterator[str]:
    """Everything in a folder of the template: names with slashes, those of folders end with one."""
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        is_folder = path.is_dir() and not path.is_symlink()
        yield path.relative_to(folder.parent).as_posix() + "/" * is_folder


def _read(
    names: Sequence[str], data_of: _DataOf, kinds: Mapping[str, Kind] | None
) -> tuple[Template | None, Report]:
    """The template in the files of these names. `data_of` is asked only for those that count."""
    findings = list(_misspelt_name_hint(name for name in names if "/" not in name))
    document, place, problems = _toml_in("template.toml", data_of)
    if document is not None:
        problems += validate_document(document, kinds=kinds, place=place)
    files, image_findings = _images([name for name in names if name.startswith("images/")], data_of)
    translations, places, translation_findings = _translations(
        [name for name in names if name.startswith("translations/")], data_of
    )
    findings += [*problems, *image_findings, *translation_findings]
    if document is None or has_errors(findings):
        return None, Report.from_findings(findings)
    template = _template(document, kinds or KINDS)
    template = replace(
        template,
        images=replace(template.images, files=files),
        translations=translations,
        source="template.toml",
    )
    findings += validate_translations(template, places.__getitem__)
    findings += _reserved_names(template, place)
    return template, Report.from_findings(findings)


def _reserved_names(template: Template, place: Locator) -> Iterator[Finding]:
    """Fields whose names mean something else in requests to the issuing service."""
    for name in sorted(API_MEMBERS.intersection(template.fields)):
        message = f"{quote(name)} is a member of the issuing service's requests"
        hint = f'give it as "values": {{"{name}": ...}} there, or choose another name'
        yield warning("reserved-field-name", place(join_pointer("/fields", name)), message, hint)


def _misspelt_name_hint(names: Iterable[str]) -> Iterator[Finding]:
    """Files and folders that are hardly meant to be called what they are called."""
    for name in names:
        if name not in PARTS and (hint := did_you_mean(name, PARTS)):
            yield warning("unknown-file", printable(name), "nothing of this name is looked at", hint)


def _data_of(path: Path, name: str, most: int, *, link: bool) -> tuple[bytes | None, list[Finding]]:
    """The bytes of a regular file of at most `most` bytes; `link` follows a symbolic link."""
    if path.exists() and (not path.is_file() or (path.is_symlink() and not link)):
        message = "this is a link, a folder or a device, not a file"
        return None, [error("not-a-regular-file", name, message, "put the file itself here")]
    size = path.stat().st_size
    if size > most:
        return None, [_too_large_finding(name, size, most)]
    return path.read_bytes(), []


def _too_large_finding(name: str, size: int, most: int) -> Finding:
    return error("too-large", name, f"the file has {size} bytes, at most {most} are read")


def _toml_in(name: str, data_of: _DataOf) -> tuple[dict[str, Any] | None, Locator, list[Finding]]:
    """The document in a TOML file, None if it can't be read, and where its pointers are."""
    data, findings = data_of(name, MAX_TOML_BYTES)
    if data is None:
        return None, locator(printable(name)), findings
    return toml_lines.read(data, printable(name))


def _images(names: Iterable[str], data_of: _DataOf) -> tuple[dict[str, bytes], list[Finding]]:
    files: dict[str, bytes] = {}
    findings: list[Finding] = []
    for path in names:
        name = path.removeprefix("images/")
        where = f"images/{printable(name.rstrip('/'))}"
        parts = name.rstrip("/").split("/")
        if _is_desktop_file(parts):
            findings.append(
                warning("left-over-file", where, "a desktop left this here; it is not used", "delete it")
            )
        elif not name:
            continue
        elif name.endswith("/"):
            if len(parts) > 1 or not _LANGUAGE.match(parts[0]):
                hint = "folders here are named after languages: de, en-GB"
                findings.append(error("bad-name", where, "this folder is not a language", hint))
        elif problem := _picture_name_problem(name):
            findings.append(warning("unknown-picture", where, *problem))
        else:
            data, problems = data_of(path, MAX_PICTURE_BYTES)
            findings += problems
            if data is not None:
                findings += _check_picture(data, where)
                files[name] = data
    return files, findings


def _is_desktop_file(parts: Sequence[str]) -> bool:
    return bool(LEFT_OVERS.intersection(parts)) or parts[-1].startswith("._")


def _check_picture(data: bytes, where: str) -> Iterator[Finding]:
    try:
        png.check_png(data, name=where)
    except InvalidInput as exc:
        yield error(exc.code, where, exc.message)


def _picture_name_problem(name: str) -> tuple[str, str] | None:
    """Returns the fault of an image's name, and a hint; None if a wallet may use it."""
    split = fitting.split_name(name)
    if split is None:
        return "this is no .png file, so no wallet uses it", "pictures are PNG"
    picture = split[0].rpartition("/")[2]
    if picture in PICTURES:
        return None
    hint = did_you_mean(picture, PICTURES) or f"pictures: {', '.join(PICTURES)}"
    return f"no wallet knows a picture called {quote(picture)}", hint


def _translations(
    names: Iterable[str], data_of: _DataOf
) -> tuple[dict[str, dict[str, str]], dict[str, Locator], list[Finding]]:
    """Language -> text -> translation, language -> places in its file, and what is wrong."""
    translations: dict[str, dict[str, str]] = {}
    places: dict[str, Locator] = {}
    findings: list[Finding] = []
    for path in names:
        base = path.removeprefix("translations/").rstrip("/")
        if not base or "/" in base:
            continue
        name = f"translations/{printable(base)}"
        if _is_desktop_file([base]):
            findings.append(
                warning("left-over-file", name, "a desktop left this here; it is not used", "delete it")
            )
            continue
        language, dot, ending = base.rpartition(".")
        if not language or f"{dot}{ending}" != ".toml":
            findings.append(warning("unknown-file", name, "this is no .toml file, so it is not looked at"))
            continue
        if not _LANGUAGE.match(language):
            hint = "write one file for each language: de.toml, en-GB.toml"
            findings.append(error("bad-name", name, "this is not named after a language", hint))
            continue
        document, place, problems = _toml_in(path.rstrip("/"), data_of)
        findings += problems
        for key, value in (document or {}).items():
            if not isinstance(value, str):
                message = f"the translation of {quote(key)} has to be text"
                hint = "put the whole text in quotes when it holds a dot" if isinstance(value, dict) else ""
                findings.append(error("wrong-type", place(join_pointer("", key)), message, hint))
        translations[language] = {k: v for k, v in (document or {}).items() if isinstance(v, str)}
        places[language] = place
    return translations, places, findings


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
    if "personalization" in document:
        asked = document["personalization"]
        made["personalization"] = Personalization(**{**asked, "fields": tuple(asked["fields"])})
    made["links"] = tuple(Link(**link) for link in document.get("links", ()))
    made["locations"] = tuple(Location(**location) for location in document.get("locations", ()))
    return Template(**made)


def save(template: Template, folder: str | PathLike[str]) -> None:
    """Write a template as a folder. See `Template.save`."""
    files = to_files(template)
    root = Path(folder)
    if root.exists() and any(root.iterdir()):
        raise FileExistsError(f"{root} is there already and not empty")
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_file.write(path, data, sweep=False)


def to_files(template: Template) -> dict[str, bytes]:
    """The files of a template's folder, which `from_files` reads back; template.toml comes last.

    Raises:
        TemplateRejected: the template breaks rules, or holds what TOML can't say.
    """
    findings = [finding for finding in validate_template(template) if finding.severity is Severity.ERROR]
    findings = findings or list(_null_findings(template))
    if findings:
        raise TemplateRejected(Report.from_findings(findings))
    files = {f"images/{name}": data for name, data in template.images.files.items()}
    for language, texts in template.translations.items():
        pairs = (map(toml_lines.format_value, pair) for pair in texts.items())
        lines = (f"{text} = {translated}\n" for text, translated in pairs)
        files[f"translations/{language}.toml"] = "".join(lines).encode()
    # Last, so that a folder with a template.toml is a whole one.
    files["template.toml"] = to_toml(template).encode()
    return files


def _null_findings(template: Template) -> Iterator[Finding]:
    """Yields a finding for each null in a template made in a program: TOML 1.0.0 has no null."""
    place = locator(template.source)
    waiting: list[tuple[str, Any]] = [("/apple", template.apple), ("/google", template.google)]
    while waiting:
        pointer, value = waiting.pop()
        if value is None:
            message = "this is null, and TOML has no null"
            yield error("null-value", place(pointer), message, "give the override to each pass instead")
        if isinstance(value, dict):
            waiting += [(join_pointer(pointer, name), each) for name, each in value.items()]
        elif isinstance(value, (list, tuple)):
            waiting += [(join_pointer(pointer, index), each) for index, each in enumerate(value)]


def to_toml(template: Template) -> str:
    """The template as the text of a template.toml."""
    document = template_document(template)
    inline = ("colours", "images")
    own = {key: each for key, each in document.items() if key in inline or not isinstance(each, (dict, list))}
    parts = [toml_lines.format_table("", own)]
    parts += [
        toml_lines.format_table(f"[{name}]", document[name])
        for name in ("fields", "nfc", "barcode", "personalization", "apple")
        if name in document
    ]
    for name in ("links", "locations"):
        parts += [toml_lines.format_table(f"[[{name}]]", item) for item in document.get(name, ())]
    for name, members in document.get("google", {}).items():
        parts.append(toml_lines.format_table(f"[google.{toml_lines.format_key(name)}]", members))
    return "\n".join(parts)
