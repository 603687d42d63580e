"""The JSON API for issuers: passes of one organisation per key."""

# FastAPI reads the annotations of operations when the module is imported.
# ruff: noqa: TC001

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from fastapi import APIRouter, Header, Query, Response, Security
from fastapi.security import HTTPBearer
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from passwright.errors import BindingError, PassRejected, ServiceRefused
from passwright.schema.pointers import join_pointer
from passwright.service import passes
from passwright.service.idempotency import IdempotencyKey, ReplayedResponse
from passwright.service.passes import ABSENT, PassChanges, PassRequest, PassView
from passwright.service.store.protocol import MAX_PAGE, MAX_PAGE_NUMBER, Page, PassFilter, PassStatus
from passwright.service.web import errors, responses
from passwright.service.web.errors import HTTPProblem
from passwright.service.web.models import CreateBody, ExtId, PassBody, UpdateBody
from passwright.service.web.openapi import JSON_BODY, error_responses
from passwright.service.web.requests import ApiRequest, Route, idempotency_of
from passwright.service.web.response_models import OnePass, PassPage

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["COMMON", "REPEAT", "Pages", "RepeatKey", "router"]

_KEY = HTTPBearer(auto_error=False, scheme_name="apiKey", description="A key of the organisation: `pw_...`")
COMMON: Any = {
    "dependencies": [Security(_KEY)],
    "prefix": "/api/v1",
}
router = APIRouter(**COMMON, route_class=Route, tags=["passes"])

REPEAT = ("idempotency_key_reused", "request_in_progress")
_SOURCES = (
    *("google_off", "apple_off", "platform_locked", "binding_ceremony_required", "pass_deactivated"),
    *("pass_nullified", "pass_expired", "pass_rejected", "save_link_too_long", "google_failed"),
    *("signing_failed", "vault_unreadable", "vault_key_unknown", "vault_key_retired"),
)

RepeatKey: TypeAlias = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Repeats of the request with the same key are answered as the first was, for 24 hours.",
    ),
]
IfMatch: TypeAlias = Annotated[
    str | None,
    Header(
        alias="If-Match",
        pattern=r'^(\*|"[1-9][0-9]{0,8}")$',
        description="The ETag of the version that is to change.",
    ),
]
PassName: TypeAlias = Annotated[str, Field(description="The id of the pass, or its external id.")]


class QueryModel(BaseModel):
    """The parameters of a URL; one that is not known is refused."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, hide_input_in_errors=True)


class Included(QueryModel):
    """Optional parts of each pass in a response."""

    include_pass_design: bool = False
    include_locations: bool = False
    include_beacons: bool = False

    def requested_parts(self) -> dict[str, Any]:
        """By the names that `answers` knows."""
        return {
            "design": self.include_pass_design,
            "locations": self.include_locations,
            "beacons": self.include_beacons,
        }


class Parts(Included):
    """Optional parts of a response about one pass."""

    include_binding: bool = Field(
        True, description="Accepted; an answer about one pass always has its binding."
    )
    include_pass_source: Literal["apple", "google"] | None = Field(
        None,
        description=(
            "The save link (`googleDownloadUrl`) or the file (`applePassFile`), unless the pass is active. "
            "With POST and PATCH a bound pass is Google's from then on; GET decides nothing. "
            "The file of a bound pass is never in an answer."
        ),
    )


class CreateQuery(Parts):
    """The parameters of a create."""

    pass_template: str = Field(max_length=36, description="The id of the template.")
    ext_id: ExtId | None = Field(None, description="Another way to give `pass.extId`.")


class Pages(QueryModel):
    """The position and size of a page in a list."""

    page: int = Field(1, ge=1, le=MAX_PAGE_NUMBER)
    per_page: int = Field(25, ge=1, le=MAX_PAGE)


class ListQuery(Pages, Included):
    """A filter for passes, and their optional parts."""

    status: Literal["issued", "active", "removed", "deactivated", "nullified"] | None = None
    pass_template: str | None = Field(None, max_length=36)
    ext_id: str | None = Field(None, max_length=64)
    bound: bool | None = Field(None, description="Whether the restriction is in force.")
    platform: Literal["google", "apple"] | None = None
    include_binding: bool = False


# --- passes -------------------------------------------------------------------


@router.post(
    "/passes",
    status_code=201,
    response_model=OnePass,
    response_model_exclude_unset=True,
    operation_id="createPass",
    summary="Create a pass, bound to one person if asked for",
    responses=error_responses(
        *(*JSON_BODY, *REPEAT, *_SOURCES, "template_not_found", "ext_id_taken", "pass_not_found"),
        *("binding_invalid", "binding_barcode_conflict", "binding_disabled", "pass_invalid"),
    ),
)
def create_pass(
    call: ApiRequest,
    response: Response,
    body: CreateBody,
    query: Annotated[CreateQuery, Query()],
    idempotency_key: RepeatKey = None,
) -> dict[str, Any]:
    """A bound pass never contains a barcode, neither from the request nor from the template."""
    pass_body = body.pass_
    if query.ext_id is not None and pass_body.ext_id not in (None, query.ext_id):
        detail = "this member is another external id than the one in the URL: leave one out"
        raise HTTPProblem.of("invalid_member", detail, pointer="/pass/extId")
    wish = PassRequest(
        template=query.pass_template,
        content=pass_body.content,
        direct=frozenset(pass_body.fields),
        ext_id=pass_body.ext_id or query.ext_id,
        binding=body.binding if "binding" in body.model_fields_set else ABSENT,
    )
    with _pointing_into(pass_body), idempotency_of(call, idempotency_key) as once:
        made = passes.create(
            call.front.context, call.key.organisation, wish, at=call.front.now(), once=_idempotency_key(once)
        )
        return _respond(call, response, made, query)


@router.get(
    "/passes",
    response_model=PassPage,
    response_model_exclude_unset=True,
    operation_id="listPasses",
    summary="Passes, the newest first",
    responses=error_responses(),
)
def list_passes(call: ApiRequest, query: Annotated[ListQuery, Query()]) -> dict[str, Any]:
    """Bindings are left out unless asked for."""
    wanted = PassFilter(
        status=PassStatus(query.status) if query.status else None,
        template=query.pass_template,
        ext_id=query.ext_id,
        bound=query.bound,
        platform=query.platform,
    )
    page = Page(query.page, query.per_page)
    found, total = passes.list_passes(
        call.front.context, call.key.organisation, wanted, page, bindings=query.include_binding
    )
    data = [responses.pass_data(each) for each in found]
    for each, view in zip(data, found, strict=True):
        each["attributes"] |= responses.extra_attributes(call.front, view, query.requested_parts())
    return {"data": data, "meta": responses.page_meta(page, total)}


@router.get(
    "/passes/{name}",
    response_model=OnePass,
    response_model_exclude_unset=True,
    operation_id="showPass",
    summary="One pass",
    responses=error_responses(*_SOURCES, "pass_not_found", "source_needs_action"),
)
def show_pass(
    call: ApiRequest, response: Response, name: PassName, query: Annotated[Parts, Query()]
) -> dict[str, Any]:
    """Looking changes nothing, whatever is included."""
    view = passes.find(call.front.context, call.key.organisation, name)
    return _respond(call, response, view, query, looking=True)


@router.patch(
    "/passes/{name}",
    response_model=OnePass,
    response_model_exclude_unset=True,
    operation_id="updatePass",
    summary="Change values, code, message, places or expiry; switch off and on again",
    responses=error_responses(
        *(*JSON_BODY, *REPEAT, *_SOURCES, "pass_not_found", "binding_immutable"),
        *("binding_barcode_conflict", "pass_changed", "pass_invalid"),
    ),
)
def update_pass(  # noqa: PLR0917 -- FastAPI hands them in by name
    call: ApiRequest,
    response: Response,
    name: PassName,
    body: UpdateBody,
    query: Annotated[Parts, Query()],
    idempotency_key: RepeatKey = None,
    if_match: IfMatch = None,
) -> dict[str, Any]:
    """A request that is refused changes nothing. Its `binding` is refused whatever its value."""
    if "binding" in body.model_fields_set:
        raise errors.problem_from(BindingError("binding_immutable", ""))
    pass_body, sent = body.pass_, body.pass_.model_fields_set
    change = PassChanges(
        values=pass_body.all_values,
        direct=frozenset(pass_body.fields),
        barcode=pass_body.code if sent & {"barcode", "qr", "qr_code"} else ABSENT,
        nfc=pass_body.tap if "nfc" in sent else ABSENT,
        expires=pass_body.expires_at if "expires_at" in sent else ABSENT,
        message=pass_body.message if "message" in sent else ABSENT,
        locations=pass_body.places if "locations" in sent else ABSENT,
        beacons=pass_body.beacon_members if "beacons" in sent else ABSENT,
        group_tag=pass_body.group_tag if "group_tag" in sent else ABSENT,
        tags=pass_body.all_tags if "tags" in sent else ABSENT,
        status=pass_body.pass_action or pass_body.status,
        version=int(if_match.strip('"')) if if_match not in (None, "*") else None,
    )
    with _pointing_into(pass_body), idempotency_of(call, idempotency_key) as once:
        made = passes.update(
            call.front.context,
            call.key.organisation,
            name,
            change,
            at=call.front.now(),
            once=_idempotency_key(once),
        )
        answer = _respond(call, response, made, query)
    response.headers["X-Notification-Status"] = "none"
    told = {"status": "none", "message": "no device asked to be told of changes"}
    return {**answer, "meta": {**answer.get("meta", {}), "notifications": told}}


@router.post(
    "/passes/{name}/nullify",
    response_model=OnePass,
    response_model_exclude_unset=True,
    operation_id="nullifyPass",
    summary="End a pass and erase its holder",
    responses=error_responses(*REPEAT, "pass_not_found"),
)
def nullify_pass(
    call: ApiRequest, response: Response, name: PassName, idempotency_key: RepeatKey = None
) -> dict[str, Any]:
    """Twice is as good as once. Its external id can be used again."""
    with idempotency_of(call, idempotency_key) as once:
        made = passes.nullify(
            call.front.context, call.key.organisation, name, at=call.front.now(), once=_idempotency_key(once)
        )
        return _respond(call, response, made, Parts.model_construct())


@contextmanager
def _pointing_into(pass_body: PassBody) -> Iterator[None]:
    """Answers refusals of the use cases with pointers to where the request has what is wrong.

    Raises:
        ErrorAnswer: also for members that stand where they cannot.
    """
    if pass_body.misplaced_values:
        rules = sorted(pass_body.misplaced_values.items())
        raise errors.problem_from(
            ServiceRefused(
                "invalid_member",
                "",
                pointers={join_pointer("/pass", name): f"this member {rule}" for name, rule in rules},
            )
        )
    try:
        yield
    except (ServiceRefused, BindingError, PassRejected) as exc:
        moved = {f"/pass/values/{name}": f"/pass/{name}" for name in pass_body.fields}
        if pass_body.barcode_member:
            asked = f"/pass/{pass_body.barcode_member}"
            moved["/pass/barcode/value"] = f"{asked}/value"
            if getattr(exc, "code", "") == "binding_barcode_conflict" and pass_body.asks_for_barcode:
                moved["/binding"] = asked
        raise errors.problem_from(exc).with_pointers(moved) from exc


def _idempotency_key(hashes: tuple[bytes, bytes] | None) -> IdempotencyKey | None:
    return (
        IdempotencyKey(key_hash=hashes[0], fingerprint=hashes[1], render=responses.storable_response)
        if hashes
        else None
    )


def _respond(
    call: ApiRequest,
    response: Response,
    made: PassView | ReplayedResponse,
    parts: Parts,
    *,
    looking: bool = False,
) -> dict[str, Any]:
    if isinstance(made, ReplayedResponse):
        data, view = responses.replayed_response(call.front, call.key.organisation, made)
        response.headers["Idempotency-Replayed"] = "true"
    else:
        data, view = responses.pass_data(made), made
    data["attributes"] |= responses.extra_attributes(call.front, view, parts.requested_parts())
    answer = {"data": data}
    if parts.include_pass_source and view.pass_.status is not PassStatus.ACTIVE:
        responses.add_source(call.front, answer, view, parts.include_pass_source, looking=looking)
    response.headers["ETag"] = f'"{data["attributes"]["version"]}"'
    return answer
