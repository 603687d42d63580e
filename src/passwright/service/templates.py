"""Templates that an organisation brings: read, cleaned, kept, changed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING
from uuid import UUID

from passwright.apple.container.archive import unpack
from passwright.apple.container.archive_writer import Entries, join_entries
from passwright.apple.container.limits import ArchiveLimits
from passwright.errors import InvalidInput, ServiceRefused, TemplateRejected
from passwright.images import fitting, png
from passwright.model import folder
from passwright.report import Report, error
from passwright.service.idempotency import find_stored, store_response
from passwright.service.store.protocol import StoredTemplate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from passwright.model.template import Template
    from passwright.report import Finding
    from passwright.service.context import ServiceContext
    from passwright.service.idempotency import IdempotencyKey, ReplayedResponse
    from passwright.service.store.protocol import Page

__all__ = [
    "Upload",
    "add",
    "add_once",
    "change",
    "files_in",
    "find_template",
    "list_templates",
    "organisation_name",
    "template_of",
]

# A folder with pictures in a few languages has a megabyte or two.
LIMITS = ArchiveLimits(archive_bytes=8 * 2**20, unpacked_bytes=16 * 2**20, allow_folders=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """The files of a template folder, what to call the template, and findings about what was left out.

    Without `name` it is called as its passes are.
    """

    files: Mapping[str, bytes] = field(repr=False)
    name: str | None = None
    findings: tuple[Finding, ...] = ()


def organisation_name(context: ServiceContext, organisation: str) -> str:
    """Returns the name of an organisation."""
    with context.store.reading() as transaction:
        found = transaction.organisation(organisation)
    assert found is not None  # noqa: S101 -- it has a key
    return found.name


def files_in(archive: bytes) -> dict[str, bytes]:
    """The files of a zipped template folder, whose name may stand before theirs.

    Nothing is written to disk.

    Raises: TemplateRejected: this is not an archive, or it is a manipulated one.
    """
    try:
        entries = unpack(archive, LIMITS)
    except InvalidInput as exc:
        raise TemplateRejected(Report((error(exc.code, exc.location, exc.message),))) from None
    files = {name: data for name, data in entries.items() if not name.endswith("/")}
    tops = {name.partition("/")[0] for name in files} - folder.LEFT_OVERS
    if "template.toml" not in files and len(tops) == 1:
        (top,) = tops
        files = {name.removeprefix(f"{top}/"): data for name, data in files.items()}
    return files


def add(
    context: ServiceContext, organisation: str, files: Mapping[str, bytes] | Upload, *, at: datetime
) -> tuple[StoredTemplate, Report]:
    """Keeps a template; the report has its warnings and notes.

    Raises:
        TemplateRejected: with every mistake of its files.
    """
    stored, report = _new(context, organisation, files, at=at)
    with context.store.writing() as transaction:
        transaction.add_template(stored)
    return stored, report


def add_once(
    context: ServiceContext,
    organisation: str,
    files: Mapping[str, bytes] | Upload,
    *,
    at: datetime,
    once: IdempotencyKey,
) -> tuple[StoredTemplate, Report] | ReplayedResponse:
    """Adds a template as `add` does, unless this request was carried out before.

    Raises:
        TemplateRejected: with every mistake of its files.
        ServiceRefused: `idempotency_key_reused`.
    """
    stored, report = _new(context, organisation, files, at=at)
    with context.store.writing() as transaction:
        if replay := find_stored(transaction, organisation, once, at=at):
            return replay
        transaction.add_template(stored)
        store_response(transaction, organisation, once, (stored, report), at=at)
    return stored, report


def _new(
    context: ServiceContext, organisation: str, files: Mapping[str, bytes] | Upload, *, at: datetime
) -> tuple[StoredTemplate, Report]:
    upload = files if isinstance(files, Upload) else Upload(files=files)
    template, archive, report = _clean_template(upload.files)
    stored = StoredTemplate(
        id=str(UUID(bytes=context.random(16), version=4)),
        organisation=organisation,
        name=upload.name or template.name,
        kind=template.kind.name,
        archive=archive,
        created_at=at,
        changed_at=at,
    )
    return stored, report + Report.from_findings(upload.findings)


def change(
    context: ServiceContext,
    organisation: str,
    template_id: str,
    files: Mapping[str, bytes] | Upload,
    *,
    at: datetime,
) -> tuple[StoredTemplate, Report]:
    """Puts other files in the place of a template's. Passes are rendered with them from then on.

    The new template may contain a barcode: bound passes leave it out.

    Raises:
        ServiceRefused: `template_not_found`.
        TemplateRejected: with every mistake of its files.
    """
    upload = files if isinstance(files, Upload) else Upload(files=files)
    template, archive, report = _clean_template(upload.files)
    with context.store.writing() as transaction:
        was = transaction.template(organisation, template_id)
        if was is None:
            raise _unknown()
        now = replace(
            was,
            name=upload.name or template.name,
            kind=template.kind.name,
            archive=archive,
            changed_at=at,
            version=was.version + 1,
        )
        transaction.change_template(was, now)
    return now, report + Report.from_findings(upload.findings)


def find_template(context: ServiceContext, organisation: str, template_id: str) -> StoredTemplate:
    """The template of this id.

    Raises:
        ServiceRefused: `template_not_found`.
    """
    with context.store.reading() as transaction:
        found = transaction.template(organisation, template_id)
    if found is None:
        raise _unknown()
    return found


def list_templates(
    context: ServiceContext, organisation: str, page: Page
) -> tuple[Sequence[StoredTemplate], int]:
    """Templates from the newest on, without their archives, and how many there are."""
    with context.store.reading() as transaction:
        return transaction.templates(organisation, page)


def template_of(stored: StoredTemplate) -> Template:
    """The template that was kept: the same object for the same files, so that builders know it again."""
    return _load_template(stored.archive)


@lru_cache(maxsize=64)
def _load_template(archive: bytes) -> Template:
    return folder.from_files(files_in(archive))


def _clean_template(files: Mapping[str, bytes]) -> tuple[Template, bytes, Report]:
    """The template in files, its archive with pictures made anew, and what there is to say."""
    template, report = folder.read_files(files)
    if template is None or not report.ok:
        raise TemplateRejected(report)
    pictures, findings = {}, []
    for name, data in template.images.files.items():
        try:
            size = png.check_png(data, name=f"images/{name}")
            pictures[name] = fitting.fit(
                data, width=size.width, height=size.height, name=f"images/{name}"
            ).data
        except InvalidInput as exc:
            findings.append(error(exc.code, f"images/{name}", exc.message))
    if findings:
        raise TemplateRejected(report + Report.from_findings(findings))
    template = replace(template, images=replace(template.images, files=pictures))
    return template, _archive(folder.to_files(template)), report


def _archive(files: Mapping[str, bytes]) -> bytes:
    """Packs files so that equal files give equal bytes."""
    return join_entries(Entries(b"", b"", 0), [(name.encode(), files[name]) for name in sorted(files)])


def _unknown() -> ServiceRefused:
    return ServiceRefused("template_not_found", "there is no such template")
