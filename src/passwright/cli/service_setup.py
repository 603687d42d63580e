"""A context for the service out of settings: its database, its vault, who signs."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from passwright.cli.inputs import EXAMPLE_ISSUER_ID, KeyOptions, example_issuer
from passwright.errors import MissingExtra, SettingsError, StoreError
from passwright.examples.authority import example_directory
from passwright.service import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from passwright.apple.identity import Identity
    from passwright.google.issuer import Issuer
    from passwright.service.context import ServiceContext
    from passwright.service.settings import Settings
    from passwright.service.vault import KeyFile

__all__ = [
    "PORT",
    "Config",
    "Database",
    "Example",
    "check_extra",
    "load_settings",
    "service_context",
    "storage_only",
    "vault_keys",
]

NEEDED = ("alembic", "fastapi", "fido2", "jinja2", "segno", "sqlalchemy", "uvicorn")
# Where `--example` keeps its passes, unless told otherwise.
EXAMPLE_DATABASE = "sqlite:///passwright-example.db"
# Where the service listens, unless told otherwise.
PORT = 8000

Config = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", help="The settings file of the service, TOML.", show_default=False
    ),
]
Database = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        help="The database: sqlite:////folder/passes.db. Overrides --config.",
        show_default=False,
    ),
]
Example = Annotated[
    bool,
    typer.Option("--example", help="Use the throw-away example keys, which are public. For tests only."),
]


def check_extra() -> None:
    """Asks whether what the service is made of is there.

    Raises:
        MissingExtra: it is not.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise MissingExtra("service", missing=missing)


def load_settings(
    config: Path | None,
    database: str | None,
    *,
    example: bool,
    base_url: str | None = None,
    port: int = PORT,
) -> Settings:
    """Loads the settings of a command: its options win over the environment, that over the file.

    `--example` gives only what none of them has: a database in the current folder, and this
    machine at `port`.

    Raises:
        SettingsError, OSError: as `settings.load` does.
    """
    given = {"database": database, "base_url": base_url}
    known = {name: value for name, value in given.items() if value is not None}
    defaults = {"database": EXAMPLE_DATABASE, "base_url": f"http://localhost:{port}"} if example else {}
    try:
        found = settings.load(config, os.environ, defaults=defaults, **known)
    except SettingsError as exc:
        raise exc if config else SettingsError(f"{exc} (--config FILE names a settings file)") from exc
    return replace(found, example=example)


@contextmanager
def storage_only(found: Settings) -> Iterator[ServiceContext]:
    """A context with what is kept alone: the database and the vault; nothing can be handed out with it.

    Raises:
        SettingsError, StoreError, KeyMaterialError: one of the two can't be used.
    """
    from passwright.service.context import ServiceContext
    from passwright.service.store.sql import SqlStore
    from passwright.service.vault import Vault

    vault = Vault(vault_keys(found))
    store = SqlStore(found.database)
    try:
        yield ServiceContext(store=store, vault=vault, base_url=found.base_url)
    finally:
        store.close()


@contextmanager
def service_context(found: Settings) -> Iterator[ServiceContext]:
    """A context with everything that is set up.

    Raises:
        SettingsError: the example's keys are used without `--example`, and as `keeping` does.
        KeyMaterialError, IdentityMismatch, UsageError: a key or a certificate can't be used.
    """
    from passwright import apple, google

    identity, issuer = _identity(found), _issuer(found)
    if not found.example:
        _refuse_example(identity, issuer)
    with storage_only(found) as stored:
        yield replace(
            stored,
            apple=apple.PassBuilder(identity) if identity else None,
            google=google.PassBuilder(issuer) if issuer else None,
            provider=_provider(found, stored, identity),
            binding_needs_nfc=found.binding_needs_nfc,
        )


def vault_keys(found: Settings) -> KeyFile:
    """The file of the vault's keys; the example's is made at its first use.

    Raises:
        SettingsError: none is set.
    """
    from passwright.service.vault import KeyFile, KeyRing

    if found.vault_keys is not None:
        return KeyFile(found.vault_keys)
    if not found.example:
        name = settings.variable("vault_keys")
        raise SettingsError(
            f"vault_keys is not set: put it into --config FILE, or set {name}; "
            "`passwright vault create FILE` makes one"
        )
    scheme, _, path, *_ = urlsplit(found.database)
    if not scheme.startswith("sqlite") or not path:
        raise StoreError("a database of passes is a file: sqlite:////folder/passes.db")
    file = KeyFile(Path(path.removeprefix("/")).with_suffix(".keys.toml"))
    if not file.path.exists():
        file.write(KeyRing.create(f"{datetime.now(UTC):%Y-%m}"))
    return file


def _identity(found: Settings) -> Identity | None:
    if found.apple is not None:
        given = found.apple
        keys = KeyOptions(key=given.key, password_file=given.password_file, strict=True)
        return keys.apple(cert=given.certificate, intermediate=given.intermediate, p12=given.p12)
    if not found.example:
        return None
    from passwright.apple.identity import Identity

    files = [example_directory() / name for name in ("pass-nfc.pem", "pass-nfc.key", "wwdr.pem")]
    return Identity.from_pem(*(each.read_bytes() for each in files))


def _issuer(found: Settings) -> Issuer | None:
    if found.google is not None:
        given = found.google
        return KeyOptions(strict=True).google(
            account=given.service_account,
            email=None,
            issuer_id=given.issuer_id,
            restrictions_enabled=given.restrictions_enabled,
        )
    return example_issuer(EXAMPLE_ISSUER_ID) if found.example else None


def _refuse_example(identity: Identity | None, issuer: Issuer | None) -> None:
    """SUP-05: keys that everybody has sign nothing that looks real."""
    from passwright.apple.trust.certificate import split_pem

    (ours,) = split_pem((example_directory() / "wwdr.pem").read_bytes())
    if (identity is not None and identity.intermediate == ours) or (
        issuer is not None and issuer.email == example_issuer().email
    ):
        raise SettingsError(
            "these are the example's keys, which everybody has: use your own, or --example to try things out"
        )


def _provider(found: Settings, stored: ServiceContext, identity: Identity | None) -> Any:
    if identity is None:
        return None
    host = urlsplit(found.base_url).hostname or ""
    if found.apple is not None and found.apple.issuer_binding:
        from passwright.service.proofs.issuer_binding import IssuerBindingProvider

        callback = f"{found.base_url}/wallet/binding"
        return IssuerBindingProvider(identity=identity, callback=callback, rp_id=host, vault=stored.vault)
    from passwright.service.proofs.passkeys import PasskeyProvider

    try:
        return PasskeyProvider(origin=found.base_url, name=found.name or host, vault=stored.vault)
    except ValueError as exc:
        raise SettingsError(f"base_url can't be used for passkeys: {exc}") from None
