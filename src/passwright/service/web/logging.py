"""The service's log: one line for each request, and one filter that no secret passes.

A line is JSON for machines (`JsonLines`) or plain text for people. Every record
goes through `Redaction` before either is made, tracebacks and fields included.
"""

from __future__ import annotations

import json
import logging
import re
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

__all__ = ["FIELDS", "JsonLines", "Redaction", "configure", "logger", "redact", "request_id"]

logger = logging.getLogger("passwright")

# The request that is being answered; threads that work for it see the same.
request_id: ContextVar[str] = ContextVar("request_id", default="")

# Fields that a record may have besides its sentence. Each has few values, or is made by us: a serial number
# or an address as a label would make a log as long as the list of passes.
FIELDS = ("request_id", "method", "route", "status", "code", "milliseconds")

_BORDER = r"\s\"'<>()\[\]{},;=/"

# Patterns of secrets, and their replacements. They are greedy on purpose: a word too much cut from a log
# costs less than an address in it.
_SECRETS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [^-]*KEY-----.*?(?:-----END [^-]*KEY-----|\Z)", re.DOTALL), "(key)"),
    # A word begins once, so that a long one is not read from each of its letters on.
    (re.compile(rf"(?<![^{_BORDER}])[^{_BORDER}]*?(?:@|%40)[^{_BORDER}]*"), "(address)"),
    (re.compile(r"(/p/)[^\s\"'{][^\s\"']*"), r"\1(token)"),
    (re.compile(r"(?i:(bearer|basic)) +[^\s\"']+"), r"\1 (key)"),
    (re.compile(r"\bpw_[A-Za-z0-9_-]+"), "(key)"),
    # RFC 7515 section 7.1: a compact token begins with the base64url of `{"`.
    (re.compile(r"\beyJ[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)*"), "(token)"),
    # The hash of an address has no salt: a list of addresses reveals the address.
    (re.compile(r"\b[0-9a-fA-F]{64}\b"), "(digest)"),
)


def redact(text: str) -> str:
    """The text without addresses, tokens of links, keys and digests."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


class Redaction(logging.Filter):
    """Closes a record: its sentence, its traceback and its fields are final and without secrets.

    It belongs on handlers, not on loggers: records of other libraries pass there too.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Always lets the record pass; see the class."""
        record.msg, record.args = redact(_format_sentence(record)), None
        if record.exc_info:
            # Tracebacks hold the messages of exceptions, and those of others may quote values.
            record.exc_text = redact(logging.Formatter().formatException(record.exc_info))
            record.exc_info = None
        elif record.exc_text:
            record.exc_text = redact(record.exc_text)
        record.stack_info = redact(record.stack_info) if record.stack_info else None
        if request_id.get():
            record.request_id = request_id.get()
        for name in FIELDS:
            if isinstance(value := getattr(record, name, None), str):
                setattr(record, name, redact(value))
        return True


def _format_sentence(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):  # a library that counts its own arguments wrong
        return str(record.msg)


class JsonLines(logging.Formatter):
    """One JSON object a line: at, level, logger, message, and the `FIELDS` a record has."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= fields(record)
        if record.exc_text:
            line["traceback"] = record.exc_text
        return json.dumps(line, ensure_ascii=False)


class _PlainLines(logging.Formatter):
    """A line for people: time, sentence; the level where it is not the usual one."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created).astimezone()
        level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
        lines = [f"{at:%H:%M:%S}  {level}{record.getMessage()}"]
        return "\n".join([*lines, *([record.exc_text] if record.exc_text else [])])


def fields(record: logging.LogRecord) -> Mapping[str, Any]:
    """The `FIELDS` that a record has."""
    found = {name: getattr(record, name, None) for name in FIELDS}
    return {name: value for name, value in found.items() if value not in (None, "")}


def configure(stream: TextIO, *, plain: bool, level: int = logging.INFO) -> logging.Handler:
    """Sends our log and the server's to `stream`, redacted; answers the handler.

    `plain` writes for people instead of JSON. The root logger gets the same
    handler for warnings, so that no library has a way of its own.
    """
    handler = logging.StreamHandler(stream)
    handler.addFilter(Redaction())
    handler.setFormatter(_PlainLines() if plain else JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logger.setLevel(level)
    # Its lines of every request would hold whole paths, and ours say more.
    logging.getLogger("uvicorn.access").disabled = True
    return handler
