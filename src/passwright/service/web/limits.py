"""Limits of a client: bytes and seconds of a body, requests at once, requests per second.

All of it counts in this process alone. Several processes behind one address share
nothing, so each allows as much; what has to hold across them is counted in the store.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from passwright.service.web.errors import HTTPProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from ipaddress import IPv4Network, IPv6Network

    from starlette.requests import Request

__all__ = ["Buckets", "Rate", "client_address", "read_body"]

# RFC 4291 section 2.5.4: a subscriber has at least a /64 to choose addresses from.
_IPV6_PREFIX = 64


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate limit: requests a second in the long run, and requests at once."""

    per_second: float
    burst: int


class Buckets:
    """Token buckets by name: the key of an organisation, the address of a client.

    `capacity` names are remembered, those asked for last; `clock` is monotonic,
    so that a clock set back neither opens nor shuts a door.
    """

    def __init__(
        self, rate: Rate, *, capacity: int = 10_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._capacity = capacity
        self._clock = clock
        self._lock = threading.Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> None:
        """Counts one request.

        Raises:
            ErrorAnswer: there were too many; the answer says when to come again.
        """
        with self._lock:
            now = self._clock()
            left, seen = self._left.pop(name, (float(self._rate.burst), now))
            left = min(self._rate.burst, left + (now - seen) * self._rate.per_second)
            self._left[name] = (max(left - 1, 0) if left >= 1 else left, now)
            if len(self._left) > self._capacity:
                self._left.popitem(last=False)
        if left < 1:
            wait = math.ceil((1 - left) / self._rate.per_second)
            raise HTTPProblem.of(
                "too_many_requests",
                f"there were too many requests: try again in {wait} second{'s' * (wait != 1)}",
                headers={"Retry-After": str(wait)},
            )


def client_address(request: Request, trusted: Iterable[IPv4Network | IPv6Network]) -> str:
    """Returns the client of a request, for counting: an IPv4 address, or the /64 of an IPv6 address.

    `X-Forwarded-For` counts only as far as trusted proxies wrote it: from the right,
    the first address that is none of them.
    """
    address = request.client.host if request.client else ""
    forwarded = [part for line in request.headers.getlist("x-forwarded-for") for part in line.split(",")]
    trusted = tuple(trusted)
    while forwarded and _is_in(address, trusted):
        said = forwarded.pop().strip()
        if not _is_address(said):
            break
        address = said
    if not _is_address(address):
        return address
    found = ip_address(address)
    mapped = getattr(found, "ipv4_mapped", None) or found
    return str(mapped) if mapped.version == 4 else str(ip_network((mapped, _IPV6_PREFIX), strict=False))  # noqa: PLR2004 -- the version


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_in(text: str, trusted: Iterable[IPv4Network | IPv6Network]) -> bool:
    return _is_address(text) and any(ip_address(text) in network for network in trusted)


async def read_body(request: Request, *, max_bytes: int, seconds: float) -> bytes:
    """The whole body, if it is small enough and there in time.

    A compressed body is refused: nobody compresses what we take, and a small one
    may unpack to a large one.

    Raises:
        ErrorAnswer: too large, too slow, or compressed.
    """
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise HTTPProblem.of(
            "unsupported_media_type", "a compressed body is not read", header="Content-Encoding"
        )
    too_large = HTTPProblem.of("body_too_large", f"a body here has at most {max_bytes} bytes")
    length = request.headers.get("content-length", "")
    if length.isdecimal() and (len(length) > len(str(max_bytes)) or int(length) > max_bytes):
        raise too_large
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            async for part in request.stream():
                size += len(part)
                if size > max_bytes:
                    raise too_large
                parts.append(part)
    except TimeoutError:
        detail = f"the body was not there within {seconds:g} seconds"
        raise HTTPProblem.of("request_timeout", detail) from None
    return b"".join(parts)
