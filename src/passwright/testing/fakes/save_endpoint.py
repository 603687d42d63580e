"""Classes and objects as Google keeps them, without HTTP: the memory of the fake Google."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import TYPE_CHECKING, Any, NoReturn

from passwright.documents.json_patch import merge
from passwright.google.api.compare import canonical_enum
from passwright.google.api.requests import TYPES
from passwright.google.content import resource_name
from passwright.google.schema import payload_schema, payload_validator
from passwright.report import Severity
from passwright.schema.pointers import locator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["FakeSaveEndpoint", "SaveRefused"]

_ID = re.compile(r"([0-9]{1,19})\.[A-Za-z0-9._-]+\Z", re.ASCII)
# Said by the platform, or to it and not kept; what a client sends of them is ignored.
_NOT_KEPT = frozenset({"classReference", "hasUsers", "kind", "notifyPreference", "review", "version"})
_MAX_RESULTS = 1000


class SaveRefused(Exception):
    """The request was refused: status, reason and text of Google's answer."""

    def __init__(self, status: int, reason: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.reason = reason
        self.text = text


class FakeSaveEndpoint:
    """The classes and objects that one issuer has inserted.

    `resources` maps types (`loyaltyClass`) to ids to JSON as it was written;
    tests may read and change it.
    """

    def __init__(self, issuer_id: str) -> None:
        self.issuer_id = issuer_id
        self.resources: dict[str, dict[str, dict[str, Any]]] = {type_: {} for type_ in TYPES}

    def answer(self, method: str, path: Sequence[str], query: Mapping[str, str], body: Any) -> dict[str, Any]:
        """Returns Google's answer to a request; `path` begins with the type, `body` is read JSON or None.

        Raises:
            Refused: Google refuses.
        """
        if not path or path[0] not in self.resources:
            raise SaveRefused(404, "notFound", "Not Found")
        type_, *rest = path
        match method, rest:
            case "POST", []:
                return self._view(type_, self._insert(type_, _object(body)))
            case "GET", []:
                return self._list(type_, query)
            case "GET", [id_]:
                return self._view(type_, self._find(type_, id_))
            case "PATCH", [id_]:
                before = self._find(type_, id_)
                return self._view(
                    type_, self._change(type_, before, merge(before, _own(_object(body))), body)
                )
            case "PUT", [id_]:
                before = self._find(type_, id_)
                return self._view(type_, self._change(type_, before, _own(_object(body)), body))
            case "POST", [id_, "addMessage"]:
                return {"resource": self._view(type_, self._add_message(type_, id_, _object(body)))}
        raise SaveRefused(404, "notFound", "Not Found")

    def _insert(self, type_: str, body: dict[str, Any]) -> dict[str, Any]:
        resource = _own(body)
        self._check(type_, resource)
        if resource["id"] in self.resources[type_]:
            raise SaveRefused(409, "existingResource", f"{resource_name(type_)} already exists")
        _review(type_, resource, body, before=None)
        self.resources[type_][resource["id"]] = resource
        return resource

    def _change(
        self, type_: str, before: dict[str, Any], after: dict[str, Any], body: dict[str, Any]
    ) -> dict[str, Any]:
        self._check(type_, after)
        if after["id"] != before["id"]:
            raise SaveRefused(400, "invalidResource", "Invalid resource ID: it is not the one of the path")
        _review(type_, after, body, before=before)
        self.resources[type_][before["id"]] = after
        return after

    def _add_message(self, type_: str, id_: str, body: dict[str, Any]) -> dict[str, Any]:
        before = self._find(type_, id_)
        _check_form("AddMessageRequest", body)
        if "message" not in body:
            _invalid("message is missing")
        after = {**before, "messages": [*before.get("messages", []), body["message"]]}
        _check_form(resource_name(type_), after)
        self.resources[type_][id_] = after
        return after

    def _list(self, type_: str, query: Mapping[str, str]) -> dict[str, Any]:
        parent = "classId" if type_.endswith("Object") else "issuerId"
        if parent not in query:
            _invalid(f"{parent} is missing")
        found = [
            each
            for each in self.resources[type_].values()
            if query[parent] == (each["classId"] if parent == "classId" else self.issuer_id)
        ]
        # Without maxResults everything comes at once.
        size = _number(query.get("maxResults", str(max(1, len(found)))))
        start = _number(query["token"].removeprefix("page-")) if "token" in query else 0
        page = found[start : start + size]
        more = {"nextPageToken": f"page-{start + size}"} if start + size < len(found) else {}
        return {
            "resources": [self._view(type_, each) for each in page],
            "pagination": {"kind": "walletobjects#pagination", "resultsPerPage": len(page), **more},
        }

    def _find(self, type_: str, id_: str) -> dict[str, Any]:
        try:
            return self.resources[type_][id_]
        except KeyError:
            part = "class" if type_.endswith("Class") else "resource"
            raise SaveRefused(404, f"{part}NotFound", f"The {resource_name(type_)} was not found") from None

    def _check(self, type_: str, resource: dict[str, Any]) -> None:
        _check_form(resource_name(type_), resource)
        class_id = resource.get("classId")
        for id_ in (resource["id"], *([class_id] if class_id else [])):
            match = _ID.match(id_)
            if match is None:
                raise SaveRefused(400, "invalidResource", "Invalid resource ID: forbidden characters")
            if match[1] != self.issuer_id:
                text = "Service account email address did not have edit access on the issuer"
                raise SaveRefused(403, "permissionDenied", text)
        if class_id is not None:
            class_ = self._find(type_.replace("Object", "Class"), class_id)
            if canonical_enum(class_.get("reviewStatus")) == "draft":
                _invalid("the class is a draft")

    def _view(self, type_: str, resource: dict[str, Any]) -> dict[str, Any]:
        """The resource as it is answered: camel-case values, and what the platform adds."""
        name = resource_name(type_)
        keys = payload_schema().objects[name]
        added: dict[str, Any] = {"kind": f"walletobjects#{type_}", "version": "1", "hasUsers": False}
        view = {**_camel(name, resource), **{key: value for key, value in added.items() if key in keys}}
        if "classReference" in keys:
            class_type = type_.replace("Object", "Class")
            view["classReference"] = self._view(class_type, self._find(class_type, resource["classId"]))
        return view


def _object(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        _invalid("the body is not a JSON object")
    return body


def _own(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: deepcopy(value) for name, value in body.items() if name not in _NOT_KEPT}


def _invalid(text: str) -> NoReturn:
    raise SaveRefused(400, "badRequest", f"Request contains an invalid argument: {text}")


def _check_form(name: str, document: dict[str, Any]) -> None:
    for finding in payload_validator().check(name, document, place=locator("body")):
        if finding.severity is Severity.ERROR:
            _invalid(f"{finding.location}: {finding.message}")


def _review(
    type_: str, resource: dict[str, Any], body: Mapping[str, Any], *, before: Mapping[str, Any] | None
) -> None:
    """UNDER_REVIEW is approved at once; DRAFT is for classes that never were anything else."""
    if "reviewStatus" not in payload_schema().objects[resource_name(type_)]:
        return
    wanted = canonical_enum(body.get("reviewStatus"))
    is_draft = before is None or before["reviewStatus"] == "DRAFT"
    if wanted == "underreview":
        resource["reviewStatus"] = "APPROVED"
    elif is_draft and (wanted == "draft" or (before is not None and not wanted)):
        resource["reviewStatus"] = "DRAFT"
    else:
        raise SaveRefused(400, "invalidReviewStatus", "Invalid review status")


def _camel(name: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """Google answers the values of enumerations in camel case: QR_CODE comes back as qrCode."""
    keys = payload_schema().objects[name]

    def view(member: str, value: Any) -> Any:
        key = keys[member]
        if isinstance(value, list):
            return [view(member, each) for each in value]
        if isinstance(value, dict):
            return _camel(key.types[0], value)
        if "enum" in key.keywords and value.isupper():
            first, *others = value.split("_")
            return first.lower() + "".join(other.capitalize() for other in others)
        return value

    return {member: view(member, value) for member, value in document.items()}


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(_MAX_RESULTS)):
        _invalid("maxResults or token is not what was given out")
    return int(text)
