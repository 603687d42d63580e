"""The settings of the service: one TOML file, the environment, or both.

    base_url = "https://passes.example.com"
    database = "sqlite:////var/lib/passwright/passes.db"
    vault_keys = "vault.toml"

    [apple]
    certificate = "pass.pem"

Every key is a variable of the environment too, and the variable wins:
`apple.certificate` is `PASSWRIGHT_APPLE_CERTIFICATE`. Keys and passwords are in
files that settings only name, so settings may be shown.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from passwright.errors import SettingsError
from passwright.schema.pointers import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from ipaddress import IPv4Network, IPv6Network

__all__ = ["KEYS", "AppleSettings", "GoogleSettings", "ServiceLimits", "Settings", "load", "variable"]

# The one host that browsers give passkeys to without TLS: an address is not a domain
# (W3C Web Authentication Level 2, section 5.1.2, "effective domain").
LOOPBACK = "localhost"


@dataclass(frozen=True, slots=True, kw_only=True)
class AppleSettings:
    """The signing identity for .pkpass files: `p12`, or `certificate` with `key`; and the intermediate.

    `issuer_binding` has Wallet itself bind passes instead of a passkey: experimental,
    and for certificates that Apple has marked for NFC only.
    """

    certificate: Path | None = None
    key: Path | None = None
    p12: Path | None = None
    intermediate: Path | None = None
    password_file: Path | None = None
    issuer_binding: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GoogleSettings:
    """The issuer of save links. `restrictions_enabled`: Google has enabled restricted passes for it."""

    service_account: Path
    issuer_id: str
    restrictions_enabled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLimits:
    """The limits for clients, each counted in one process.

    `key_...` hold for one API key, `visitor_...` for one address without a
    key: holders, and clients that try keys. `at_once` is how many requests are
    worked on, `body_...` and `template_bytes` what a body may be.
    """

    key_per_second: float = 50.0
    key_burst: int = 200
    visitor_per_second: float = 5.0
    visitor_burst: int = 60
    at_once: int = 100
    body_bytes: int = 2**20
    template_bytes: int = 16 * 2**20
    body_seconds: float = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of a service. They hold no secret.

    `base_url` is where holders reach it, without a slash at the end: links lead
    there, and passkeys are bound to its host for ever. `name` is what a phone shows
    for the party that asks for a passkey, default that host. `trusted_proxies` may say
    whose request they pass on. `example` means the authority whose keys are public.
    """

    base_url: str
    database: str
    name: str = ""
    vault_keys: Path | None = None
    apple: AppleSettings | None = None
    google: GoogleSettings | None = None
    limits: ServiceLimits = field(default_factory=ServiceLimits)
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    binding_needs_nfc: bool = True
    example: bool = False


def load(
    path: Path | None,
    environment: Mapping[str, str],
    *,
    defaults: Mapping[str, str] | None = None,
    **overrides: str,
) -> Settings:
    """The settings out of defaults, a file, the environment, and the command line: the last wins.

    Relative paths in the file start at its folder, others at the current one.
    `defaults` and `given` are values of top-level keys.

    Raises:
        SettingsError: something is missing, unknown, or not what it has to be;
            values are not repeated.
        OSError: the file can't be read.
    """
    found: dict[str, Any] = _read_members((defaults or {}).items(), Path(), "the defaults")
    if path is not None:
        found |= _read_members(_members(_document(path)), path.parent, str(path))
    known = {variable(name): name for name in KEYS}
    said = {name: environment[each] for each, name in known.items() if environment.get(each)}
    found |= _read_members(said.items(), Path(), "the environment")
    found |= _read_members(overrides.items(), Path(), "the command line")
    return _build_settings(found)


def variable(name: str) -> str:
    """The environment's name for a key: `apple.key` is `PASSWRIGHT_APPLE_KEY`."""
    return f"PASSWRIGHT_{name.replace('.', '_').upper()}"


def _document(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        # Its message names line and column; nothing of the text.
        raise SettingsError(f"{path} is not TOML: {exc}") from None


def _members(document: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in document.items():
        if isinstance(value, dict):
            yield from _members(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _read_members(members: Any, folder: Path, where: str) -> dict[str, Any]:
    out = {}
    for name, value in members:
        if name not in KEYS:
            hint = did_you_mean(name, KEYS)
            raise SettingsError(f"{where} has a key {name!r}, which is not known{f': {hint}' * bool(hint)}")
        try:
            out[name] = KEYS[name](value, folder)
        except (ValueError, TypeError):
            raise SettingsError(f"{name} in {where} {_EXPECTED[KEYS[name]]}") from None
    return out


def _build_settings(found: dict[str, Any]) -> Settings:
    for name in ("base_url", "database"):
        if name not in found:
            raise SettingsError(f"{name} is not set: put it into the settings file, or set {variable(name)}")
    parts: dict[str, Any] = {name: value for name, value in found.items() if "." not in name}
    for section, made in {"apple": AppleSettings, "google": GoogleSettings, "limits": ServiceLimits}.items():
        members = {
            name.partition(".")[2]: value for name, value in found.items() if name.startswith(f"{section}.")
        }
        if members:
            parts[section] = _section(section, made, members)
    return Settings(**parts)


def _section(name: str, made: Callable[..., Any], members: dict[str, Any]) -> Any:
    if name == "google" and {"service_account", "issuer_id"} - members.keys():
        raise SettingsError("google needs service_account, the file of its key, and issuer_id")
    if name == "apple" and ("p12" in members) == ("certificate" in members):
        raise SettingsError("apple needs p12, or certificate with key: one of the two")
    if name == "apple" and "certificate" in members and {"key", "intermediate"} - members.keys():
        raise SettingsError("apple.certificate needs key and intermediate beside it")
    return made(**members)


# --- what a value may be --------------------------------------------------------


def _text(value: object, _: Path) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError
    return value


def _path(value: object, folder: Path) -> Path:
    return folder / Path(_text(value, folder)).expanduser()


def _flag(value: object, _: Path) -> bool:
    if value not in (True, False, "true", "false") or type(value) not in (bool, str):
        raise ValueError
    return value in (True, "true")


def _count(value: object, _: Path) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str) or int(value) < 1:
        raise ValueError
    return int(value)


def _amount(value: object, _: Path) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str) or not 0 < float(value) < 1e9:  # noqa: PLR2004 -- far beyond any limit, and no NaN
        raise ValueError
    return float(value)


def _networks(value: object, _: Path) -> tuple[IPv4Network | IPv6Network, ...]:
    texts = value.split(",") if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(each, str) for each in texts):
        raise ValueError
    return tuple(ip_network(each.strip(), strict=False) for each in texts)


def _url(value: object, folder: Path) -> str:
    parts = urlsplit(_text(value, folder).removesuffix("/"))
    host = parts.netloc.rpartition(":")[0] if parts.port else parts.netloc
    secure = parts.scheme == "https" or (parts.scheme == "http" and host == LOOPBACK)
    if not secure or not parts.hostname or parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError
    return f"{parts.scheme}://{parts.netloc.lower()}"


_EXPECTED: Mapping[Any, str] = MappingProxyType(
    {
        _text: "has to be text",
        _path: "has to be the path of a file",
        _flag: "has to be true or false",
        _count: "has to be a whole number from 1 on",
        _amount: "has to be a number above 0",
        _networks: "has to be a list of addresses or networks, such as 10.0.0.0/8",
        _url: "has to be https://HOST without a path (http only for localhost)",
    }
)

# Every key there is, and what reads its value.
KEYS: Mapping[str, Callable[[Any, Path], Any]] = MappingProxyType(
    {
        "base_url": _url,
        "database": _text,
        "name": _text,
        "vault_keys": _path,
        "trusted_proxies": _networks,
        "binding_needs_nfc": _flag,
        **{f"apple.{name}": _path for name in ("certificate", "key", "p12", "intermediate", "password_file")},
        "apple.issuer_binding": _flag,
        "google.service_account": _path,
        "google.issuer_id": _text,
        "google.restrictions_enabled": _flag,
        **{
            f"limits.{name}": _count
            for name in ("key_burst", "visitor_burst", "at_once", "body_bytes", "template_bytes")
        },
        **{f"limits.{name}": _amount for name in ("key_per_second", "visitor_per_second", "body_seconds")},
    }
)
