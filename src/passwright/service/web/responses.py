"""Passes and templates as the API answers with them."""

from __future__ import annotations

import base64
from dataclasses import asdict
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic.alias_generators import to_camel

from passwright.binding.lifecycle import AppleSource, GoogleDownload, advance
from passwright.model.folder import API_MEMBERS
from passwright.service import passes, release, templates
from passwright.service.web.errors import HTTPProblem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from passwright.binding.lifecycle import Status
    from passwright.model.template import Template
    from passwright.report import Report
    from passwright.service.idempotency import ReplayedResponse
    from passwright.service.passes import PassView
    from passwright.service.rendering import TemplateFacts
    from passwright.service.store.protocol import Page, StoredPass, StoredTemplate
    from passwright.service.web.state import AppState

__all__ = [
    "add_source",
    "binding_json",
    "extra_attributes",
    "page_meta",
    "pass_data",
    "replayed_response",
    "storable_response",
    "template_data",
]

_BOUND_PASSES = "bound passes are rendered without a barcode, even if this template contains one"


def pass_data(view: PassView) -> dict[str, Any]:
    """The member `data` for a pass, with its binding if `shown` has it."""
    stored, content, facts = view.pass_, view.pass_.content, view.facts
    assert facts is not None  # noqa: S101 -- who answers the API has asked for them
    attributes: dict[str, Any] = {
        "downloadUrl": view.download_url,
        "passType": PASS_TYPES[facts.style],
        # Nobody tells us yet which device has a pass, and since when.
        "deviceType": None,
        "status": stored.status.value,
        "extId": stored.ext_id,
        "groupTag": content.get("group_tag"),
        "tags": list(content.get("tags", ())),
        "passTemplate": stored.template,
        "passTemplateUuid": stored.template,
        "passTemplateName": facts.template,
        "serialNumber": stored.serial,
        "version": stored.version,
        "values": dict(content.get("values", {})),
        "passContent": _content(stored),
        "nfc": facts.nfc,
        "barcode": _barcode(facts, stored),
        "message": content.get("message"),
        "latestMessage": content.get("message"),
        "createdAt": stored.created_at,
        "updatedAt": stored.changed_at,
        "addedAt": None,
        "removedAt": None,
        "deactivatedAt": stored.deactivated_at,
        "expiresAt": stored.expires_at,
        "nullifiedAt": stored.nullified_at,
    }
    if view.binding is not None:
        attributes["binding"] = binding_json(view.binding, view.mask)
    return {"id": stored.id, "type": "pass", "attributes": attributes}


def binding_json(status: Status, mask: str | None) -> dict[str, Any]:
    """The member `binding` of a pass.

    `mask` is the masked address. Where the state keeps no address, the member
    holds null in any case.

    Raises:
        ValueError: `mask` is not masked.
    """
    if mask is not None and "***@" not in mask:
        raise ValueError("the masked address is needed, not the address")
    return {
        "platform": status.platform,
        "bound": status.bound,
        "bindingEmail": mask if status.state.keeps_email else None,
        "learnMoreUrl": status.learn_more_url,
    }


# Apple's style of a template -> the type of its passes.
PASS_TYPES = MappingProxyType(
    {
        "generic": "generic",
        "eventTicket": "eventTicket",
        "storeCard": "storeCard",
        "coupon": "storeCard",
        "boardingPass": "transit",
    }
)
_TIMES = ("createdAt", "updatedAt", "deactivatedAt", "expiresAt", "nullifiedAt")


def _barcode(facts: TemplateFacts, stored: StoredPass) -> dict[str, Any]:
    """The barcode that the pass shows; empty for none."""
    if facts.barcode is None:
        return {}
    type_, value, text = facts.barcode
    source = {stored.ext_id: "extId", stored.id: "uuid"}.get(value, "custom")
    source = stored.content.get("barcode", {}).get("source") or source
    return {"enabled": True, "type": type_, "source": source, "value": value, "displayText": text}


def _content(stored: StoredPass) -> dict[str, Any]:
    """The member `pass` that would make this pass: values wrapped, reserved names in `values`."""
    content = stored.content
    made: dict[str, Any] = {}
    for name, value in content.get("values", {}).items():
        owner = made.setdefault("values", {}) if name in API_MEMBERS else made
        owner[name] = {"value": value}
    for name in ("nfc", "barcode"):
        if name in content:
            members = {to_camel(key): value for key, value in content[name].items() if value is not None}
            made[name] = {"displayText" if key == "text" else key: value for key, value in members.items()}
    members = {
        to_camel(name): content.get(name) for name in ("message", "group_tag", "tags", "locations", "beacons")
    }
    members |= {"expiresAt": content.get("expires"), "extId": stored.ext_id}
    return made | {name: value for name, value in members.items() if value is not None}


def storable_response(view: PassView) -> dict[str, Any]:
    """Returns the part of a response that an idempotency record stores: neither the mask nor the link, and
    plain JSON.
    """
    data = pass_data(view)
    attributes = data["attributes"]
    del attributes["downloadUrl"]
    for name in _TIMES:
        attributes[name] = attributes[name] and attributes[name].isoformat()
    if "binding" in attributes:
        attributes["binding"]["bindingEmail"] = None
    return data


def replayed_response(
    front: AppState, organisation: str, replay: ReplayedResponse
) -> tuple[dict[str, Any], PassView]:
    """The first answer to a request, with mask and link as far as they still exist, and the pass now."""
    view = passes.find(front.context, organisation, replay.body["id"])
    attributes = {"downloadUrl": view.download_url, **replay.body["attributes"]}
    if "binding" in attributes:
        attributes["binding"] = {**attributes["binding"], "bindingEmail": replay.mask}
    return {**replay.body, "attributes": attributes}, view


def template_data(stored: StoredTemplate, report: Report | None = None) -> dict[str, Any]:
    """The answer about one template; the report is told when it was just given."""
    data = {
        "id": stored.id,
        "type": "passTemplate",
        "attributes": {
            "name": stored.name,
            "kind": stored.kind,
            "version": stored.version,
            "createdAt": stored.created_at.isoformat(),
            "updatedAt": stored.changed_at.isoformat(),
        },
    }
    if report is None:
        return {"data": data}
    findings = [finding.as_dict() for finding in report]
    return {"data": data, "meta": {"findings": findings, "boundPasses": _BOUND_PASSES}}


def page_meta(page: Page, total: int) -> dict[str, Any]:
    """The member `meta` of a list."""
    return {"page": page.number, "perPage": page.size, "total": total}


def extra_attributes(front: AppState, view: PassView, parts: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes that a request asked for: design, locations, beacons."""
    if not (parts["design"] or parts["locations"] or parts["beacons"]):
        return {}
    stored = templates.find_template(front.context, view.pass_.organisation, view.pass_.template)
    return _parts(templates.template_of(stored), view, parts)


def _parts(template: Template, view: PassView, parts: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if parts["design"]:
        made["passDesign"] = {
            "kind": template.kind.name,
            "name": template.name,
            "organisation": template.organisation,
            "description": template.description,
            "colours": asdict(template.colours),
            "fields": {
                key: {"label": each.label, "slot": each.slot, "type": each.type}
                for key, each in template.fields.items()
            },
        }
    if parts["locations"]:
        own = view.pass_.content.get("locations")
        made["locations"] = [asdict(each) for each in template.locations] if own is None else list(own)
    if parts["beacons"]:
        own = view.pass_.content.get("beacons")
        made["beacons"] = list(template.apple.get("beacons", ()) if own is None else own)
    return made


def add_source(
    front: AppState, answer: dict[str, Any], view: PassView, platform: str, *, looking: bool
) -> None:
    """Puts the file or the save link into an answer; for Google also what travels in the link.

    `looking` must not change anything. Otherwise a bound pass is Google's from then on.

    Raises:
        ErrorAnswer, PasswrightError: it can't be had, or not by looking.
    """
    stored, at, attributes = view.pass_, front.now(), answer["data"]["attributes"]
    if looking and view.binding is not None:
        _require_source_allowed(view.binding, platform, at)
    if platform == "apple":
        made = release.unbound_pass_file(front.context, stored.organisation, stored.id, at=at)
        attributes["applePassFile"] = base64.b64encode(made.data).decode("ascii")
        attributes["passSource"] = {"applePassFile": attributes["applePassFile"]}
        return
    link = release.google_save_link(front.context, stored.organisation, stored.id, at=at)
    attributes["googleDownloadUrl"] = link.url
    attributes["passSource"] = {"googleDownloadUrl": link.url}
    requires = {name: dict(members) for name, members in link.requires.items()}
    answer["meta"] = {"google": {"form": link.form, "requires": requires}}
    if not looking and view.binding is not None:
        now = passes.find(front.context, stored.organisation, stored.id)
        assert now.binding is not None  # noqa: S101 -- a binding is never removed from a pass
        attributes["binding"] = binding_json(now.binding, now.mask)


def _require_source_allowed(status: Status, platform: str, at: datetime) -> None:
    """Asks whether the source of a bound pass can be had without a change, not even in its events."""
    step = advance(status, AppleSource() if platform == "apple" else GoogleDownload(), at=at)
    step.raise_for_refusal()
    if step.status != status:
        detail = "the save link of a bound pass decides its platform: ask for it with POST or PATCH"
        raise HTTPProblem.of("source_needs_action", detail, parameter="includePassSource")
