"""What the web keeps for all requests, and how it finds out whose a request is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from passwright.service.web.limits import Buckets, Rate, client_address

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from passwright.service.desk import Desk
    from passwright.service.settings import Settings

__all__ = ["Front"]


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Front:
    """The use cases' desk, the settings, the counters of this process, and the clock.

    Nothing in it has to outlive the process, or be shared with another.
    """

    desk: Desk
    settings: Settings
    now: Callable[[], datetime] = _now
    keys: Buckets = field(init=False)
    visitors: Buckets = field(init=False)

    def __post_init__(self) -> None:
        limits = self.settings.limits
        object.__setattr__(self, "keys", Buckets(Rate(limits.key_per_second, limits.key_burst)))
        object.__setattr__(self, "visitors", Buckets(Rate(limits.visitor_per_second, limits.visitor_burst)))

    @classmethod
    def of(cls, request: Request) -> Front:
        """The one that the application of a request was made with."""
        front: Front = request.app.state.front
        return front

    def count_visitor(self, request: Request) -> None:
        """Counts a request that no key vouches for.

        Raises:
            ErrorAnswer: there were too many from that address.
        """
        self.visitors.take(client_address(request, self.settings.trusted_proxies))
