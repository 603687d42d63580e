"""Settings: from a file, from the environment, and what is said when they make no sense."""

from __future__ import annotations

from dataclasses import fields
from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest

from passwright.errors import SettingsError
from passwright.service import settings
from passwright.service.settings import AppleSettings, GoogleSettings, ServiceLimits, Settings, load, variable

if TYPE_CHECKING:
    from pathlib import Path

LEAST = 'base_url = "https://passes.example.com"\ndatabase = "sqlite:///passes.db"\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "passwright.toml"
    path.write_text(text, "utf-8")
    return path


def test_a_file_says_everything(tmp_path: Path) -> None:
    """Relative paths start at its folder."""
    path = written(
        tmp_path,
        LEAST
        + """
        vault_keys = "vault.toml"
        trusted_proxies = ["10.0.0.0/8", "::1"]
        binding_needs_nfc = false
        [apple]
        certificate = "pass.pem"
        key = "/keys/pass.key"
        intermediate = "wwdr.pem"
        [google]
        service_account = "account.json"
        issuer_id = "3388000000012345678"
        restrictions_enabled = true
        [limits]
        key_per_second = 7
        body_bytes = 1000
        """,
    )

    assert load(path, {}) == Settings(
        base_url="https://passes.example.com",
        database="sqlite:///passes.db",
        vault_keys=tmp_path / "vault.toml",
        apple=AppleSettings(
            certificate=tmp_path / "pass.pem",
            key=tmp_path / "/keys/pass.key",
            intermediate=tmp_path / "wwdr.pem",
        ),
        google=GoogleSettings(
            service_account=tmp_path / "account.json",
            issuer_id="3388000000012345678",
            restrictions_enabled=True,
        ),
        limits=ServiceLimits(key_per_second=7.0, body_bytes=1000),
        trusted_proxies=(ip_network("10.0.0.0/8"), ip_network("::1")),
        binding_needs_nfc=False,
    )


def test_the_environment_wins_over_the_file_and_the_command_line_over_both(tmp_path: Path) -> None:
    environment = {
        "PASSWRIGHT_DATABASE": "sqlite:///environment.db",
        "PASSWRIGHT_BASE_URL": "https://environment.example.com/",
        "PASSWRIGHT_LIMITS_KEY_BURST": "9",
        "PASSWRIGHT_BINDING_NEEDS_NFC": "false",
        "PASSWRIGHT_TRUSTED_PROXIES": "10.0.0.0/8, 192.168.0.1",
        "HOME": "/nowhere",
    }

    found = load(written(tmp_path, LEAST), environment, database="sqlite:///line.db")

    assert found.database == "sqlite:///line.db"
    assert found.base_url == "https://environment.example.com"
    assert found.limits.key_burst == 9
    assert found.binding_needs_nfc is False
    assert found.trusted_proxies == (ip_network("10.0.0.0/8"), ip_network("192.168.0.1"))


def test_every_member_can_be_set_both_ways() -> None:
    """`example` alone is a matter of the command line."""
    members = {each.name for each in fields(Settings)} - {"apple", "google", "limits", "example"}
    for section, made in {"apple": AppleSettings, "google": GoogleSettings, "limits": ServiceLimits}.items():
        members |= {f"{section}.{each.name}" for each in fields(made)}

    assert members == settings.KEYS.keys()
    assert len({variable(name) for name in settings.KEYS}) == len(settings.KEYS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "base_url is not set: put it into the settings file, or set PASSWRIGHT_BASE_URL"),
        ('base_url = "https://a.example"', "database is not set"),
        ("[", "is not TOML"),
        (
            LEAST + "vault_kyes = 'x'",
            "has a key 'vault_kyes', which is not known: did you mean 'vault_keys'?",
        ),
        (LEAST + "[limits]\nzzz = 1", "has a key 'limits.zzz', which is not known"),
        ("base_url = 'http://a.example'", "base_url in .* has to be https://HOST without a path"),
        ("base_url = 'https://a.example/x'", "has to be https://HOST without a path"),
        ("base_url = 'https://u@a.example'", "has to be https://HOST without a path"),
        ("base_url = 'https://a.example:0x'", "has to be https://HOST without a path"),
        ("base_url = ''", "has to be https://HOST without a path"),
        (LEAST + "vault_keys = 1", "has to be the path of a file"),
        (LEAST + "trusted_proxies = ['canary']", "has to be a list of addresses"),
        (LEAST + "trusted_proxies = [1]", "has to be a list of addresses"),
        (LEAST + "binding_needs_nfc = 'canary'", "has to be true or false"),
        (LEAST + "binding_needs_nfc = 1", "has to be true or false"),
        (LEAST + "limits.key_burst = 0", "has to be a whole number from 1 on"),
        (LEAST + "limits.key_burst = true", "has to be a whole number from 1 on"),
        (LEAST + "limits.key_burst = 'canary'", "has to be a whole number from 1 on"),
        (LEAST + "limits.body_seconds = nan", "has to be a number above 0"),
        (LEAST + "limits.body_seconds = -1", "has to be a number above 0"),
        (LEAST + "google.issuer_id = '1'", "google needs service_account"),
        (LEAST + "google.issuer_id = 1", "has to be text"),
        (LEAST + "apple.key = 'x'", "apple needs p12, or certificate with key"),
        (LEAST + "apple.p12 = 'x'\napple.certificate = 'y'", "one of the two"),
        (LEAST + "apple.certificate = 'x'", "needs key and intermediate beside it"),
    ],
)
def test_what_makes_no_sense_is_said_without_the_value(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        load(written(tmp_path, text), {})
    assert "canary" not in str(caught.value)


def test_without_tls_only_localhost_is_a_base() -> None:
    """A browser gives passkeys to nothing else, not even to this machine by its address."""
    url = "http://localhost:8000"

    assert load(None, {}, base_url=url, database="sqlite://").base_url == url
    with pytest.raises(SettingsError):
        load(None, {}, base_url="http://127.0.0.1:8000", database="sqlite://")
