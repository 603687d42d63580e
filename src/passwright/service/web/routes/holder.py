"""The holder's page over HTTP, and the steps that lead to a pass in a wallet.

GET and HEAD only look: previews of links, scanners and crawlers may fetch
everything here and decide nothing. What hands a pass out, or begins to, is a POST.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match, Route

from passwright import strict_json
from passwright.binding.lifecycle import Evidence
from passwright.errors import BindingError, InvalidInput, ServiceRefused, StoreUnavailable
from passwright.service import passes, release, templates, transitions
from passwright.service.pages.card import PICTURES, card_of, picture, stylesheet
from passwright.service.pages.page import HolderPage, asset, device_of, page, problem
from passwright.service.pages.texts import language_of
from passwright.service.web.errors import STATUSES, HTTPProblem, problem_from
from passwright.service.web.limits import read_body
from passwright.service.web.logging import logger
from passwright.service.web.state import AppState

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from starlette.requests import Request
    from starlette.types import Scope

    from passwright.binding.lifecycle import Platform
    from passwright.service.passes import PassView

__all__ = ["WALLET_CALLBACK", "routes"]

# A proof has some 2 KiB; Wallet's own answer has at most 8 KiB twice, in hex.
MAX_BODY = 64 * 2**10

PASS_FILE = "application/vnd.apple.pkpass"  # noqa: S105 -- a pass is not a password

# Scripts and styles of ours alone; the save link is where a form may lead by a redirect.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self' https://pay.google.com; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "publickey-credentials-create=(self), publickey-credentials-get=(self)",
    "Vary": "Accept-Language, User-Agent",
}
# Where Wallet's issuer binding is told to answer to, below the base URL.
WALLET_CALLBACK = "/wallet/binding"
FOR_EVER = "public, max-age=31536000, immutable"


class _Step(Route):
    """A route that tells the log its pattern, as those of the API do."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child = super().matches(scope)
        return match, {**child, "route": self} if match is not Match.NONE else child


def routes() -> list[Route]:
    """Everything below /p/ and /assets/, and the icon that browsers ask for unasked."""
    return [
        _Step("/p/{token}", _card_of, methods=["GET"]),
        _Step("/p/{token}/card.css", _colours, methods=["GET"]),
        _Step("/p/{token}/{name}.png", _picture, methods=["GET"]),
        _Step("/p/{token}/google", _google, methods=["POST"]),
        _Step("/p/{token}/apple", _unbound_pass_file, methods=["POST"]),
        _Step("/p/{token}/apple/begin", _begin, methods=["POST"]),
        _Step("/p/{token}/apple/complete", _complete, methods=["POST"]),
        _Step("/p/{token}/file", _file, methods=["POST"]),
        _Step(f"{WALLET_CALLBACK}/{{pass_id}}", _wallet_callback, methods=["POST"]),
        _Step("/assets/{digest}/{name}", _asset, methods=["GET"]),
        _Step("/favicon.ico", _icon, methods=["GET"]),
    ]


# --- looking ------------------------------------------------------------------


def _language(request: Request) -> str:
    return language_of(request.query_params.get("lang"), request.headers.get("accept-language"))


def _html(text: str, *, language: str, status: int = 200) -> Response:
    headers = {**_HEADERS, "Content-Language": language}
    return Response(text, status_code=status, headers=headers, media_type="text/html")


def _problem(
    request: Request, reason: str, *, status: int, url: str | None = None, learn_more_url: str | None = None
) -> Response:
    language = _language(request)
    text = problem(reason, language=language, url=url, learn_more_url=learn_more_url)
    return _html(text, language=language, status=status)


Handler: TypeAlias = "Callable[[AppState, Request], Response]"
Endpoint: TypeAlias = "Callable[[Request], Coroutine[Any, Any, Response]]"


def _for_people(handler: Handler, *, counted: bool = True) -> Endpoint:
    """A handler whose refusals are pages in plain words."""

    @wraps(handler)
    async def answering(request: Request) -> Response:
        front = AppState.of(request)
        try:
            if counted:
                front.count_visitor(request)
            return await run_in_threadpool(handler, front, request)
        except HTTPProblem as exc:
            code, headers = exc.problems[0].code, exc.headers
            answer = _problem(request, code, status=STATUSES[code])
            answer.headers.update(headers)
            return answer
        except (ServiceRefused, BindingError) as exc:
            return await run_in_threadpool(_problem_page, front, request, exc.code)
        except StoreUnavailable as exc:
            refused = problem_from(exc)
            answer = _problem(request, "failed", status=STATUSES[refused.problems[0].code])
            answer.headers.update(refused.headers)
            return answer
        except Exception:  # noqa: BLE001 -- a person gets a page whatever happens; the log gets the rest
            logger.exception("a page of a holder failed")
            return _problem(request, "failed", status=STATUSES["internal_error"])

    return answering


def _problem_page(front: AppState, request: Request, code: str) -> Response:
    """The page for a refusal: with a way back, the link of the binding, and the wallet that has the pass."""
    try:
        view = _by_link(front, request)
    except ServiceRefused as exc:
        return _problem(request, exc.code, status=STATUSES[exc.code])
    reason, binding = code, view.binding
    if code == "platform_locked" and binding is not None:
        reason = f"{code}_{binding.platform}"
    learn_more_url = binding.learn_more_url if binding else None
    status = STATUSES[code]
    return _problem(request, reason, status=status, url=view.download_url, learn_more_url=learn_more_url)


def _by_link(front: AppState, request: Request) -> PassView:
    return passes.find_by_link(front.context, request.path_params["token"])


@_for_people
def _card_of(front: AppState, request: Request) -> Response:
    view, language = _by_link(front, request), _language(request)
    learn_more = view.binding.learn_more_url if view.binding else None
    try:
        transitions.check_alive(view.pass_, at=front.now())
    except ServiceRefused as exc:
        return _problem(request, exc.code, status=STATUSES[exc.code], learn_more_url=learn_more)
    holder = HolderPage(
        card=card_of(passes.renderable_pass(front.context, view), language),
        url=view.download_url,
        offers=_offers(front, view),
        state=view.binding.state if view.binding else None,
        mask=view.mask,
        learn_more_url=learn_more,
    )
    device = device_of(request.headers.get("user-agent"))
    return _html(page(holder, device=device, language=language), language=language)


def _offers(front: AppState, view: PassView) -> set[Platform]:
    context = front.context
    offers: set[Platform] = set()
    if context.google is not None:
        offers.add("google")
    if context.apple is not None and (view.binding is None or context.provider is not None):
        offers.add("apple")
    return offers


def _part_of_page(handler: Handler) -> Endpoint:
    """Serves colours and images: a visitor of the page may have the whole page, so these requests are not
    counted.

    Requests for guessed links are counted.
    """

    def looking(front: AppState, request: Request) -> Response:
        try:
            return handler(front, request)
        except (ServiceRefused, HTTPProblem):
            front.count_visitor(request)
            raise

    return _for_people(looking, counted=False)


@_part_of_page
def _colours(front: AppState, request: Request) -> Response:
    view = _by_link(front, request)
    kept = templates.find_template(front.context, view.pass_.organisation, view.pass_.template)
    return Response(stylesheet(templates.template_of(kept)), media_type="text/css", headers=_HEADERS)


@_part_of_page
def _picture(front: AppState, request: Request) -> Response:
    view, name = _by_link(front, request), request.path_params["name"]
    kept = templates.find_template(front.context, view.pass_.organisation, view.pass_.template)
    found = picture(templates.template_of(kept), name, _language(request)) if name in PICTURES else None
    if found is None:
        raise HTTPProblem.of("not_found", "there is no such picture")
    return Response(found, media_type="image/png", headers=_HEADERS)


async def _asset(request: Request) -> Response:
    found = asset(request.path_params["name"])
    if found is None or found.digest != request.path_params["digest"]:
        raise HTTPProblem.of("not_found", "there is nothing at this address")
    headers = {**_HEADERS, "Cache-Control": FOR_EVER}
    return Response(found.data, media_type=found.media_type, headers=headers)


async def _icon(_: Request) -> Response:
    found = asset("icon.svg")
    assert found is not None  # noqa: S101 -- it is one of ours
    return Response(found.data, media_type=found.media_type, headers={**_HEADERS, "Cache-Control": FOR_EVER})


# --- handing out --------------------------------------------------------------


def _check_origin(front: AppState, request: Request) -> None:
    """Refuses what a page of another site sends in a person's name.

    Our pages tell nobody where they come from, so that the origin of their
    forms is null: the newer header says whose page it was (W3C Fetch Metadata).
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        ours = site in ("same-origin", "none")
    else:
        ours = origin in (None, "null", front.settings.base_url)
    if not ours:
        raise HTTPProblem.of("foreign_origin", "this has to come from the page of the pass")


@_for_people
def _google(front: AppState, request: Request) -> Response:
    _check_origin(front, request)
    view = _by_link(front, request)
    link = release.google_save_link(front.context, view.pass_.organisation, view.pass_.id, at=front.now())
    # RFC 9110 section 15.4.4: after a POST, look over there.
    return RedirectResponse(link.url, status_code=303, headers=_HEADERS)


@_for_people
def _unbound_pass_file(front: AppState, request: Request) -> Response:
    _check_origin(front, request)
    view = _by_link(front, request)
    return _pass_file(
        release.unbound_pass_file(front.context, view.pass_.organisation, view.pass_.id, at=front.now())
    )


def _pass_file(made: release.PassFile) -> Response:
    headers = {**_HEADERS, "Content-Disposition": f'attachment; filename="{made.name}"'}
    return Response(made.data, media_type=PASS_FILE, headers=headers)


async def _file(request: Request) -> Response:
    body = await _body(AppState.of(request), request)
    ticket = parse_qs(body.decode("ascii", "replace")).get("ticket", [""])[0]

    @_for_people
    def answering(front: AppState, request: Request) -> Response:
        _check_origin(front, request)
        _by_link(front, request)
        return _pass_file(release.redeem_ticket(front.context, ticket, at=front.now()))

    return await answering(request)


async def _body(front: AppState, request: Request) -> bytes:
    """The body of a visitor, a few of whom may keep others waiting for theirs."""
    with front.listening_to(request):
        return await read_body(request, max_bytes=MAX_BODY, seconds=front.settings.limits.body_seconds)


async def _json_of(front: AppState, request: Request) -> dict[str, Any]:
    body = await _body(front, request)
    try:
        members = strict_json.loads(body, name="body", max_bytes=MAX_BODY)
    except InvalidInput as exc:
        raise HTTPProblem.of("malformed_body", exc.message) from None
    if not isinstance(members, dict):
        raise HTTPProblem.of("malformed_body", "an object is needed")
    return members


def _respond(members: dict[str, Any]) -> Response:
    return Response(strict_json.dumps(members), media_type="application/json", headers=_HEADERS)


def _for_scripts(handler: Callable[[AppState, Request, dict[str, Any]], Response]) -> Endpoint:
    """A handler that takes and answers JSON, refusals too."""

    @wraps(handler)
    async def answering(request: Request) -> Response:
        front = AppState.of(request)
        front.count_visitor(request)
        payload = await _json_of(front, request)
        try:
            return await run_in_threadpool(handler, front, request, payload)
        except (ServiceRefused, BindingError) as exc:
            raise HTTPProblem.of(exc.code, str(exc)) from None

    return answering


@_for_scripts
def _begin(front: AppState, request: Request, _: dict[str, Any]) -> Response:
    _check_origin(front, request)
    view = _by_link(front, request)
    attempt = release.apple_begin(front.context, view.pass_.organisation, view.pass_.id, at=front.now())
    return _respond(dict(attempt.shown))


@_for_scripts
def _complete(front: AppState, request: Request, payload: dict[str, Any]) -> Response:
    _check_origin(front, request)
    view = _by_link(front, request)
    attempt_id = payload.get("attemptId")
    if not isinstance(attempt_id, str):
        raise HTTPProblem.of("malformed_body", "attemptId has to be text", pointer="/attemptId")
    ticket = release.apple_complete(
        front.context, view.pass_.organisation, view.pass_.id, attempt_id, payload, at=front.now()
    )
    return _respond({"ticket": ticket.token, "expiresAt": ticket.expires_at.isoformat()})


@_for_scripts
def _wallet_callback(front: AppState, request: Request, payload: dict[str, Any]) -> Response:
    """Handles the callback of Wallet when it has bound a pass: observed, without a login of its own."""
    context, at = front.context, front.now()
    with context.store.reading() as transaction:
        stored = transaction.pass_of(request.path_params["pass_id"])
    provider = context.provider
    if stored is None or provider is None or provider.evidence is not Evidence.APPLE_ISSUER_BINDING:
        raise HTTPProblem.of("not_found", "there is nothing at this address")
    session = request.query_params.get("sessionIdentifier", "")
    ticket = release.apple_complete(context, stored.organisation, stored.id, session, payload, at=at)
    return _pass_file(release.redeem_ticket(context, ticket.token, at=at))
