"""The application: the use cases behind HTTP."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from passwright import __version__
from passwright.service.web import errors, health, holder
from passwright.service.web.frame import Frame
from passwright.service.web.front import Front

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime

    from starlette.types import ASGIApp

    from passwright.service.desk import Desk
    from passwright.service.settings import Settings

__all__ = ["create_app"]


def create_app(desk: Desk, settings: Settings, *, now: Callable[[], datetime] | None = None) -> ASGIApp:
    """The ASGI application that serves a desk. `now` is the clock, default the machine's, in UTC.

    The desk's store is closed when the application ends.
    """
    front = Front(desk, settings) if now is None else Front(desk, settings, now)

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        yield
        desk.store.close()

    app = FastAPI(title="Passwright", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.front = front
    app.include_router(health.router)
    app.router.routes.extend(holder.routes())
    for what, handler in errors.HANDLERS.items():
        app.add_exception_handler(what, handler)
    return Frame(app, max_at_once=settings.limits.at_once)
