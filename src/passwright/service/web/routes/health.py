"""Liveness and readiness of the process."""

# Pydantic reads the annotations when the module is imported.
# ruff: noqa: TC003

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from passwright import __version__
from passwright.errors import StoreError
from passwright.service.web.errors import HTTPProblem
from passwright.service.web.logging import logger
from passwright.service.web.state import AppState

if TYPE_CHECKING:
    from passwright.apple.identity import Identity

__all__ = ["Health", "router"]

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """The health of the service."""

    status: Literal["ok"] = "ok"
    version: str = Field(description="The version of Passwright that answers.")
    exampleAuthority: bool = Field(  # noqa: N815 -- the API's own spelling
        description="Passes are signed with the example's public keys: no wallet accepts them."
    )
    appleSigningEnds: datetime | None = Field(  # noqa: N815
        description="From when on nothing can be signed for Apple: its certificates end. Null without Apple."
    )


@router.get("/health", operation_id="health", summary="Whether the process lives; asks nobody else")
async def health(request: Request) -> Health:
    """A process that does not answer this has to be started again."""
    return _health(AppState.of(request))


@router.get("/ready", operation_id="ready", summary="Whether the service can do its work")
def ready(request: Request) -> Health:
    """Asks the database whether it reads and writes durably; 503 while it does not."""
    front = AppState.of(request)
    try:
        front.context.store.check()
    except StoreError as exc:
        logger.warning("the store is not ready: %s", exc)
        detail = "the database can't be used right now"
        raise HTTPProblem.of("try_again", detail, headers={"Retry-After": "5"}) from exc
    return _health(front)


def _health(front: AppState) -> Health:
    apple = front.context.apple
    identity: Identity | None = apple.identity if apple else None
    return Health(
        version=__version__,
        exampleAuthority=front.settings.example,
        appleSigningEnds=identity.not_after if identity else None,
    )
