"""Whether the process lives, and whether it can work."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from passwright import __version__
from passwright.errors import StoreError
from passwright.service.web.errors import ErrorAnswer
from passwright.service.web.front import Front
from passwright.service.web.log import logger

__all__ = ["Health", "router"]

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """How the service is."""

    status: Literal["ok"] = "ok"
    version: str = Field(description="The version of Passwright that answers.")
    exampleAuthority: bool = Field(  # noqa: N815 -- the API's own spelling
        description="Passes are signed with the example's public keys: no wallet accepts them."
    )


@router.get("/health", operation_id="health", summary="Whether the process lives; asks nobody else")
async def health(request: Request) -> Health:
    """A process that does not answer this has to be started again."""
    return Health(version=__version__, exampleAuthority=Front.of(request).settings.example)


@router.get("/ready", operation_id="ready", summary="Whether the service can do its work")
def ready(request: Request) -> Health:
    """Asks the database whether it reads and writes durably; 503 while it does not."""
    front = Front.of(request)
    try:
        front.desk.store.check()
    except StoreError as exc:
        logger.warning("the store is not ready: %s", exc)
        detail = "the database can't be used right now"
        raise ErrorAnswer.of("try_again", detail, headers={"Retry-After": "5"}) from exc
    return Health(version=__version__, exampleAuthority=front.settings.example)
