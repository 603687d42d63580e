"""A context for tests of the service: the example keys, a store in a file, and a provider that is quick.

The provider takes `{"ok": true}` for a proof; `tests/service/test_passkeys.py` tries the real one.
"""

from __future__ import annotations

import base64
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from passwright import apple, google
from passwright.binding.lifecycle import Evidence
from passwright.errors import AttemptRefused, BindingError, ServiceRefused
from passwright.service import passes, templates
from passwright.service.context import ServiceContext
from passwright.service.proofs.protocol import Challenge, ChallengeSubject
from passwright.service.rendering import PassContent
from passwright.service.store.protocol import Organisation, StoredCredential
from passwright.service.store.sql import SqlStore
from passwright.service.vault import KeyRing, Vault
from passwright.service.web.responses import binding_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from passwright.service.store.protocol import Store, StoredTemplate

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "certs.example"
AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
ISSUER_ID = "3388000000022222222"
KEYS = KeyRing.create("k1")
HELP = "https://support.example.com/pass-help"


class SayingProvider:
    """Takes what the device says for granted: `{"ok": true, "credential": "..."}`."""

    evidence = Evidence.WEBAUTHN

    def begin(
        self,
        subject: ChallengeSubject,
        *,
        attempt_id: str,
        at: datetime,
        credential: StoredCredential | None = None,
    ) -> Challenge:
        return Challenge({"attemptId": attempt_id}, {"of": subject.pass_id})

    def complete(
        self,
        subject: ChallengeSubject,
        state: Mapping[str, Any],
        payload: Mapping[str, Any],
        *,
        is_registered: Callable[[str], bool],
        credential: StoredCredential | None = None,
    ) -> StoredCredential:
        shown = str(payload.get("credential", subject.pass_id))
        sound = payload.get("ok") is True and state.get("of") == subject.pass_id
        if not sound or (is_registered(shown) if credential is None else credential.id != shown):
            raise AttemptRefused("proof_invalid", "it did not say so")
        return StoredCredential(shown, {"counter": 0})

    def members(self, credential: StoredCredential) -> Mapping[str, Any]:
        return {}


@cache
def apple_builder() -> apple.PassBuilder:
    identity = apple.Identity.from_pem(
        certificate=(EXAMPLE / "pass-nfc.pem").read_bytes(),
        key=(EXAMPLE / "pass-nfc.key").read_bytes(),
        intermediate=(EXAMPLE / "wwdr.pem").read_bytes(),
    )
    return apple.PassBuilder(identity)


@cache
def google_builder() -> google.PassBuilder:
    account = (EXAMPLE / "service-account.json").read_bytes()
    return google.PassBuilder(google.Issuer.from_service_account(account, issuer_id=ISSUER_ID))


@cache
def template_files(name: str = "membership") -> Mapping[str, bytes]:
    root = ROOT / "fixtures" / "templates" / name
    return {
        path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def desk_of(store: Store, **more: Any) -> ServiceContext:
    given: dict[str, Any] = {
        "store": store,
        "vault": Vault(KEYS),
        "base_url": "https://passes.example.com",
        "apple": apple_builder(),
        "google": google_builder(),
        "provider": SayingProvider(),
    }
    return ServiceContext(**{**given, **more})


def key_shown(key: bytes, text: str) -> bool:
    """Whether a text holds eight bytes of a key in a row, written as Python, in hex or in base64.

    Fewer would be found by chance: sealed values are random bytes too.
    """
    spelled = [repr(key[at : at + 8])[2:-1] for at in range(len(key) - 7)]
    for letters, width in ((key.hex(), 16), (base64.b64encode(key).decode(), 11)):
        spelled += [letters[at : at + width] for at in range(len(letters) - width + 1)]
    return any(each in text for each in spelled)


@contextmanager
def opened(path: Path, **more: Any) -> Iterator[ServiceContext]:
    """A context on a new store file with one organisation, `org-1`."""
    store = SqlStore(f"sqlite:///{path}")
    try:
        with store.writing() as transaction:
            transaction.put_organisation(Organisation(id="org-1", name="Example Coffee Roasters"))
        yield desk_of(store, **more)
    finally:
        store.close()


def membership(context: ServiceContext, organisation: str = "org-1") -> StoredTemplate:
    """The membership template, kept for this organisation."""
    name = str(uuid4())
    kept = replace(_membership(), id=name, organisation=organisation)
    with context.store.writing() as transaction:
        transaction.add_template(kept)
    return kept


@cache
def _membership(toml: bytes | None = None) -> StoredTemplate:
    """Fitting its pictures takes longer than most tests."""
    files = template_files() if toml is None else {**template_files(), "template.toml": toml}
    with TemporaryDirectory() as folder, opened(Path(folder) / "passes.db") as context:
        return templates.add(context, "org-1", files, at=AT)[0]


def edited(context: ServiceContext, template: StoredTemplate, toml: bytes) -> None:
    """The same template with another template.toml, as `templates.change` would leave it."""
    with context.store.writing() as transaction:
        was = transaction.template(template.organisation, template.id)
        assert was is not None
        transaction.change_template(
            was, replace(was, archive=_membership(toml).archive, version=was.version + 1)
        )


def bound_pass(
    context: ServiceContext,
    template: StoredTemplate,
    *,
    email: str = "jane@gmail.com",
    at: datetime = AT,
    **more: Any,
) -> passes.PassView:
    """A new pass bound to this address."""
    members = {"email": email, "learnMoreUrl": HELP}
    return new_pass(context, template, binding=members, at=at, **more)


def new_pass(
    context: ServiceContext, template: StoredTemplate, *, at: datetime = AT, **more: Any
) -> passes.PassView:
    """A new pass of Jane Smith."""
    content = more.pop("content", None) or PassContent(values={"fullName": "Jane Smith"})
    wish = passes.PassRequest(template=template.id, content=content, **more)
    made = passes.create(context, template.organisation, wish, at=at)
    assert isinstance(made, passes.PassView)
    return made


def refused(code: str) -> AbstractContextManager[Any]:
    """Expects a refusal with this code, whoever raises it: the codes are one table."""
    return pytest.raises((ServiceRefused, BindingError), check=lambda exc: getattr(exc, "code", "") == code)


def binding_of(shown: passes.PassView) -> dict[str, Any] | None:
    """The member `binding` of a pass as the API answers with it; None for a pass without a binding."""
    return None if shown.binding is None else binding_json(shown.binding, shown.mask)
