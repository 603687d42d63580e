"""One filter before every handler: no address, token, key or digest in a log."""

from __future__ import annotations

import io
import json
import logging
import traceback

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from passwright.service.web import logging as web_logging
from tests.run_service import logged

SECRETS = [
    "jane.canary@example.com",
    "Jane.Canary+vip@bücher.example",
    "canary%40example.com",
    "https://passes.example.com/p/canary-canary-canary",
    "/p/canary-canary/apple/file?t=canary",
    "Authorization: Bearer canary.canary.canary",
    "authorization: basic Y2FuYXJ5canary",
    "pw_canarycanarycanary",
    "https://pay.google.com/gp/v/save/eyJhbGciOi.canary.canary",
    "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----",
    "-----BEGIN RSA PRIVATE KEY-----\ncanary\ncut off",
]
DIGEST = "31c5543c1734d25c7206f5fd591525d0295bec6fe84ff82f946a34fe970a1e66"


@pytest.mark.parametrize("secret", [*SECRETS, f"hash {DIGEST}"])
def test_key_06_a_secret_is_cut_wherever_it_stands(secret: str) -> None:
    """In the sentence, its arguments, a field, an exception's text, and one that was formatted before."""
    with logged() as out:
        web_logging.logger.info("before %s after", secret)
        web_logging.logger.info(f"before {secret} after", extra={"route": secret})
        web_logging.logger.info({"a": secret})
        logging.getLogger("sqlalchemy.engine").warning("parameters: %r", [secret])
        try:
            raise ValueError(secret)  # noqa: TRY301 -- it has to be raised somewhere
        except ValueError:
            web_logging.logger.exception("failed", stack_info=True)
        lines = out.lines()

    assert DIGEST not in json.dumps(lines)
    assert len(lines) == 5


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
@example("@")
@example("a@b@c")
def test_any_text_can_be_redacted_and_once_is_enough(text: str) -> None:
    once = web_logging.redact(text)
    assert web_logging.redact(once) == once


def test_redaction_is_quick_on_long_text() -> None:
    """JSN-12: no pattern runs away; the text is one that makes careless ones."""
    for text in ("a" * 200_000, "@" * 50_000, "-----BEGIN KEY-----" * 5000, "eyJ." * 50_000, "/p/" * 50_000):
        web_logging.redact(text)


def test_a_line_for_machines_has_the_fields_it_may_have_and_no_other() -> None:
    with logged() as out:
        token = web_logging.request_id.set("0123456789abcdef")
        web_logging.logger.warning("hello", extra={"route": "/x", "serial": "M-1"})
        web_logging.request_id.reset(token)
        (line,) = out.lines()

    assert line.pop("at").endswith("+00:00")
    assert line == {
        "level": "warning",
        "logger": "passwright",
        "message": "hello",
        "request_id": "0123456789abcdef",
        "route": "/x",
    }


def test_a_line_for_people_is_a_time_and_a_sentence() -> None:
    out = io.StringIO()
    handlers = logging.getLogger().handlers[:]
    try:
        web_logging.configure(out, plain=True)
        web_logging.logger.info("GET /health 200")
        web_logging.logger.warning("careful, jane@example.com")
        try:
            raise ValueError("jane@example.com")  # noqa: TRY301 -- it has to be raised somewhere
        except ValueError:
            web_logging.logger.exception("failed")
    finally:
        logging.getLogger().handlers[:] = handlers

    first, second, third, *rest = out.getvalue().splitlines()
    assert first[8:] == "  GET /health 200"
    assert second[8:] == "  warning: careful, (address)"
    assert third[8:] == "  error: failed"
    assert rest[-1] == "ValueError: (address)"


def test_a_record_with_the_wrong_number_of_arguments_is_no_failure() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "%s %s", ("a",), None)

    assert web_logging.Redaction().filter(record)
    assert record.getMessage() == "%s %s"


def test_a_text_of_a_traceback_made_earlier_is_redacted_too() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "m", None, None)
    record.exc_text = "".join(traceback.format_exception_only(ValueError("jane@example.com")))

    web_logging.Redaction().filter(record)

    assert record.exc_text == "ValueError: (address)\n"
