"""The context of the use cases: everything from outside, handed in as one value."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from passwright import apple, google
    from passwright.service.proofs.protocol import ProofProvider
    from passwright.service.store.protocol import Store
    from passwright.service.vault import Vault

__all__ = ["GoogleWriter", "ServiceContext"]


class GoogleWriter(Protocol):
    """Writes resources through Google's REST API; repeating it changes nothing."""

    def put(self, type_: str, resource: Mapping[str, Any]) -> Mapping[str, Any]:
        """Inserts a class or an object (`LoyaltyClass`, ...) or replaces it, and answers what Google holds.

        Raises:
            GoogleError: Google refused, or did not answer.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceContext:
    """Everything the use cases need from outside.

    `base_url` is where the holder's pages live, without a slash at the end.
    Without `apple`, `google` or `provider` that side is refused. With `binding_needs_nfc` a bound
    pass without NFC is not handed out on Apple. `random` gives n random bytes.
    """

    store: Store
    vault: Vault
    base_url: str
    apple: apple.PassBuilder | None = None
    google: google.PassBuilder | None = None
    provider: ProofProvider | None = None
    google_writer: GoogleWriter | None = None
    binding_needs_nfc: bool = True
    random: Callable[[int], bytes] = secrets.token_bytes
