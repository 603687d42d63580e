"""Fixtures for pytest, found by it wherever `passwright[test]` is installed.

pytest imports this module in every project of an environment, so it imports
nothing that pytest has not imported already: what a fixture needs is loaded
when a test asks for the fixture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from passwright.apple.identity import Identity
    from passwright.examples.authority import Authority
    from passwright.google.issuer import Issuer
    from passwright.model.template import Pass
    from passwright.testing.fakes.google import FakeGoogle

__all__ = [
    "apple_identity",
    "bound_pass",
    "google_issuer",
    "google_wallet",
    "unbound_pass",
    "wallet_authority",
]


@pytest.fixture(scope="session")
def wallet_authority() -> Authority:
    """A fake Apple of this session; `assert_valid_pkpass` trusts it.

    `wallet_authority.write(tmp_path)` leaves certificates and keys as files, for
    builders that are not in Python.
    """
    from passwright.testing.assertions import session_authority

    return session_authority()


@pytest.fixture(scope="session")
def apple_identity(wallet_authority: Authority) -> Identity:
    """Signs for Apple, NFC included, under `wallet_authority`."""
    return wallet_authority.identity(nfc=True)


@pytest.fixture(scope="session")
def google_issuer() -> Issuer:
    """Signs for Google with the example's service account, enabled for restrictions."""
    from passwright.testing.assertions import example_issuer

    return example_issuer()


@pytest.fixture
def google_wallet() -> Iterator[FakeGoogle]:
    """A fake Google that runs on this machine while the test does."""
    from passwright.testing.fakes.google import FakeGoogle

    with FakeGoogle() as google:
        yield google


@pytest.fixture(scope="session")
def unbound_pass() -> Pass:
    """The definition of a membership card, with a serial number, NFC and two languages."""
    from passwright.examples.authority import example_template_directory
    from passwright.model.template import Template

    club = Template.load(example_template_directory())
    return club.issue("M-0001", {"fullName": "Jane Smith", "points": 120})


@pytest.fixture(scope="session")
def bound_pass(unbound_pass: Pass) -> Pass:
    """The card of `unbound_pass`, bound to jane@example.com."""
    from passwright.binding.binding import Binding

    binding = Binding(email="jane@example.com", learn_more_url="https://support.example.com/pass-help")
    return unbound_pass.replace(serial="M-0002", binding=binding)
