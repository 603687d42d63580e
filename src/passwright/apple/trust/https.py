"""One file from the web: https, a time limit, a size limit, nothing else."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from passwright.errors import KeyMaterialError

if TYPE_CHECKING:
    import ssl

__all__ = ["Get", "https_get"]

# A certificate has two kB.
MAX_BYTES = 64 * 1024
TIMEOUT_SECONDS = 20.0
_CHUNK = 4096


class Get(Protocol):
    """Loads what an https URL leads to; `https_get` is one."""

    def __call__(self, url: str, /) -> bytes:
        """The bytes, at most `MAX_BYTES`.

        Raises:
            KeyMaterialError: there is no answer, or not that file.
        """


def https_get(
    url: str, /, *, timeout: float = TIMEOUT_SECONDS, context: ssl.SSLContext | None = None
) -> bytes:
    """The bytes behind an https URL, at most 64 KiB, within `timeout` seconds.

    Redirections are followed to https only. `context` says whom to believe,
    default the certificates of the system; a proxy of the environment is used.

    Raises:
        KeyMaterialError: another scheme, no answer, none in time, another
            status than 200, a certificate that is not trusted, too many bytes.
    """
    place = urlsplit(url)
    if place.scheme != "https" or not place.hostname:
        raise KeyMaterialError(f"only https URLs are loaded, not {url}")
    end = time.monotonic() + timeout
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPSHandler(context=context),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPRedirectHandler(),
        # No handler for http stands here, so that nothing can lead there.
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    try:
        with opener.open(url, timeout=timeout) as answer:
            return _read_bounded(answer, url, end)
    except urllib.error.HTTPError as exc:
        with exc:
            raise KeyMaterialError(f"{place.hostname} answered {exc.code} for {url}") from exc
    except (OSError, http.client.HTTPException, ValueError) as exc:
        raise KeyMaterialError(f"{place.hostname} can't be reached: {_reason(exc)}") from exc


def _read_bounded(answer: http.client.HTTPResponse, url: str, end: float) -> bytes:
    data = b""
    # By pieces: the time-out of a socket starts anew with each byte.
    while piece := answer.read1(_CHUNK):
        data += piece
        if len(data) > MAX_BYTES:
            raise KeyMaterialError(
                f"{url} has more than {MAX_BYTES:,} bytes, and a certificate has about 1,200"
            )
        if time.monotonic() > end:
            raise TimeoutError("it takes too long to answer")
    return data


def _reason(exc: BaseException) -> str:
    """Returns the reason of a failed download in a few words."""
    if isinstance(exc, urllib.error.URLError) and isinstance(exc.reason, BaseException):
        exc = exc.reason
    if isinstance(exc, TimeoutError):
        return "it takes too long to answer"
    said = getattr(exc, "verify_message", "") or getattr(exc, "strerror", "") or str(exc)
    return said.removeprefix("urlopen error ") or type(exc).__name__
