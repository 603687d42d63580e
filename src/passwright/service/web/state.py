"""State that the web keeps for all requests, and the client of a request."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING

from passwright.service.web.errors import HTTPProblem
from passwright.service.web.limits import Buckets, Rate, client_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.requests import Request

    from passwright.service.context import ServiceContext
    from passwright.service.settings import Settings

__all__ = ["MAX_BODIES", "AppState"]

# A page sends one body at a time, and many holders may share an address.
MAX_BODIES = 8


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class AppState:
    """The use cases' context, the settings, the counters of this process, and the clock.

    Nothing in it has to outlive the process, or be shared with another.
    """

    context: ServiceContext
    settings: Settings
    now: Callable[[], datetime] = _now
    keys: Buckets = field(init=False)
    visitors: Buckets = field(init=False)
    _running: set[bytes] = field(init=False, default_factory=set)
    _sending: Counter[str] = field(init=False, default_factory=Counter)
    _lock: Lock = field(init=False, default_factory=Lock)

    def __post_init__(self) -> None:
        limits = self.settings.limits
        object.__setattr__(self, "keys", Buckets(Rate(limits.key_per_second, limits.key_burst)))
        object.__setattr__(self, "visitors", Buckets(Rate(limits.visitor_per_second, limits.visitor_burst)))

    @classmethod
    def of(cls, request: Request) -> AppState:
        """The one that the application of a request was made with."""
        front: AppState = request.app.state.front
        return front

    @contextmanager
    def working_on(self, key_hash: bytes) -> Iterator[None]:
        """Keeps two requests with one idempotency key apart, within this process; the store does it in all.

        Raises:
            ErrorAnswer: one is being worked on.
        """
        with self._lock:
            if key_hash in self._running:
                detail = "the first request with this key is not finished: try again in a second"
                raise HTTPProblem.of("request_in_progress", detail, headers={"Retry-After": "1"})
            self._running.add(key_hash)
        try:
            yield
        finally:
            with self._lock:
                self._running.discard(key_hash)

    @contextmanager
    def listening_to(self, request: Request) -> Iterator[None]:
        """Lets a visitor send a body. A few slow ones of one address must not take all the room there is.

        Raises:
            ErrorAnswer: that address is sending as many as it may.
        """
        address = client_address(request, self.settings.trusted_proxies)
        with self._lock:
            if self._sending[address] >= MAX_BODIES:
                detail = "there are too many unfinished requests: try again in a second"
                raise HTTPProblem.of("too_many_requests", detail, headers={"Retry-After": "1"})
            self._sending[address] += 1
        try:
            yield
        finally:
            with self._lock:
                self._sending[address] -= 1
                if not self._sending[address]:
                    del self._sending[address]

    def count_visitor(self, request: Request) -> None:
        """Counts a request without a valid key.

        Raises:
            ErrorAnswer: there were too many from that address.
        """
        self.visitors.take(client_address(request, self.settings.trusted_proxies))
