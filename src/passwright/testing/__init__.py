"""Tests for passes from any builder: assertions, contracts for signers, fake wallets.

    from passwright.testing import assert_valid_pkpass

    def test_our_pass() -> None:
        verdict = assert_valid_pkpass(our_builder())
        assert verdict.serial_number == "M-0001"

With pytest the fixtures of `passwright.testing.plugin` are there without an
import. `Authority` is a fake Apple, `FakeGoogle` a fake Google:
nothing they sign or keep is accepted by a phone. Names are resolved on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from passwright.lazy import lazy_names

if TYPE_CHECKING:
    from passwright.examples.authority import (
        EXAMPLE_PASSWORD,
        EXAMPLE_TEMPLATES,
        Authority,
        example_directory,
        example_template_directory,
    )
    from passwright.examples.certificates import PASS_TYPE, TEAM, Issued, Leaf
    from passwright.testing.assertions import (
        assert_bound,
        assert_valid_google_payload,
        assert_valid_pkpass,
        assert_valid_save_link,
    )
    from passwright.testing.fakes.google import FakeGoogle, Fault
    from passwright.testing.signer_contract import check_signer

__all__ = [
    "EXAMPLE_PASSWORD",
    "EXAMPLE_TEMPLATES",
    "PASS_TYPE",
    "TEAM",
    "Authority",
    "FakeGoogle",
    "Fault",
    "Issued",
    "Leaf",
    "assert_bound",
    "assert_valid_google_payload",
    "assert_valid_pkpass",
    "assert_valid_save_link",
    "check_signer",
    "example_directory",
    "example_template_directory",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "assertions": (
            *("assert_bound", "assert_valid_google_payload"),
            *("assert_valid_pkpass", "assert_valid_save_link"),
        ),
        "passwright.examples.authority": (
            *("EXAMPLE_PASSWORD", "EXAMPLE_TEMPLATES", "Authority"),
            *("example_directory", "example_template_directory"),
        ),
        "passwright.examples.certificates": ("PASS_TYPE", "TEAM", "Issued", "Leaf"),
        "fakes.google": ("Fault", "FakeGoogle"),
        "signer_contract": ("check_signer",),
    },
)
