"""The application: the use cases behind HTTP."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from anyio import to_thread
from fastapi import FastAPI

from passwright.service.web import errors, openapi
from passwright.service.web.logging import logger
from passwright.service.web.middleware import OuterMiddleware
from passwright.service.web.routes import health, holder, passes, templates
from passwright.service.web.state import AppState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime

    from starlette.types import ASGIApp

    from passwright.service.context import ServiceContext
    from passwright.service.settings import Settings

__all__ = ["create_app", "description"]


def create_app(
    context: ServiceContext, settings: Settings, *, now: Callable[[], datetime] | None = None
) -> ASGIApp:
    """The ASGI application that serves a context. `now` is the clock, default the machine's, in UTC.

    The context's store is closed when the application ends.
    """
    front = AppState(context, settings) if now is None else AppState(context, settings, now)

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        # Use cases wait for the database in threads; a request that was taken on gets one at once.
        to_thread.current_default_thread_limiter().total_tokens = settings.limits.at_once
        if context.apple and context.apple.identity:
            for finding in context.apple.identity.warnings(front.now()):
                logger.warning("%s: %s", finding.message, finding.hint)
        yield
        context.store.close()

    app = FastAPI(
        lifespan=lifespan,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a redirect would name a host that the request made up
    )
    app.openapi = description  # type: ignore[method-assign]  # FastAPI's documented way
    app.state.front = front
    app.include_router(health.router)
    app.include_router(passes.router)
    app.include_router(templates.router)
    app.router.routes.extend(holder.routes())
    for what, handler in errors.HANDLERS.items():
        app.add_exception_handler(what, handler)
    return OuterMiddleware(app, max_at_once=settings.limits.at_once)


@cache
def description() -> dict[str, Any]:
    """The OpenAPI description of the API: it needs neither a context nor settings."""
    app = FastAPI()
    app.include_router(health.router)
    app.include_router(passes.router)
    app.include_router(templates.router)
    return openapi.describe(app.routes)
