"""Every exception of Passwright.

    PasswrightError
      DefinitionError      TemplateRejected(report) · PassRejected(report)
        PassRejected       BatchRejected(report)
      SigningError         KeyMaterialError · IdentityMismatch(expected, actual)
        SignerFailed       WrongSignature · SignerUnreachable · SignerTimeout · SignerRefused
      InvalidInput         code, location
      LinkTooLong          length, limit
      GoogleError          status, reason
      BindingError         code · BindingInvalid(pointers) · IllegalTransition(state, event) · AttemptRefused
      StoreError           NotFound · AlreadyExists · StaleBinding · StoreUnavailable
      VaultError           code
      ServiceRefused       code, pointers
      LedgerError
      SettingsError
      MissingExtra         extra
      UsageError           Interrupted

Wrong types and naive datetimes stay `TypeError` and `ValueError`: they are
mistakes of the calling code, not of its data. Exceptions of other libraries
cross our border only as `__cause__`. No message holds an address, a key or a
token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from passwright.report import Report


class PasswrightError(Exception):
    """Base class of every exception of this package."""


class DefinitionError(PasswrightError):
    """A template or a pass breaks rules; `report` lists every one it breaks."""

    noun = "the definition"

    def __init__(self, report: Report) -> None:
        errors = len(report.errors)
        super().__init__(f"{self.noun} was refused with {errors} error{'s' * (errors != 1)}:\n{report}")
        self.report = report


class TemplateRejected(DefinitionError):
    """The template can't be used as it is."""

    noun = "the template"


class PassRejected(DefinitionError):
    """The pass can't be built as it is; nothing was signed."""

    noun = "the pass"


class BatchRejected(PassRejected):
    """The rows of a batch have columns that no pass of its template can have; none was made."""

    noun = "the batch"


class SigningError(PasswrightError):
    """No signature could be made."""


class KeyMaterialError(SigningError):
    """A key, a certificate or a service account file can't be read or used."""


class IdentityMismatch(SigningError):
    """Two things that must name or hold the same do not."""

    def __init__(self, message: str, *, expected: str, actual: str) -> None:
        super().__init__(f"{message}: expected {expected}, got {actual}")
        self.expected = expected
        self.actual = actual


class SignerFailed(SigningError):
    """The signer raised, or what it answered is not a signature by its key."""


class WrongSignature(SignerFailed):
    """The signer's answer is not a signature by its key over the message."""


class SignerUnreachable(SignerFailed):
    """The service that holds the signer's key does not answer."""


class SignerTimeout(SignerFailed):
    """The service that holds the signer's key took too long to answer."""


class SignerRefused(SignerFailed):
    """The service that holds the signer's key refused: rights, a disabled key, a wrong PIN."""


class InvalidInput(PasswrightError):
    """An archive, a manifest, a signature or JSON from outside can't be read.

    `code` is one of the finding codes. `location` is the name of an entry, a
    JSON pointer, or "" for the whole.
    """

    def __init__(self, code: str, location: str, message: str) -> None:
        super().__init__(f"{location}: {message}" if location else message)
        self.code = code
        self.location = location
        self.message = message


class LinkTooLong(PasswrightError):
    """The save link is longer than Google calls safe.

    `insert` maps resource names (`loyaltyClass`, `loyaltyObject`) to the JSON
    that has to be inserted through the REST API before a shorter link works.
    """

    def __init__(self, length: int, limit: int, insert: Mapping[str, object]) -> None:
        names = " and the ".join(insert) or "class and object"
        super().__init__(
            f"the save link's token has {length} characters, at most {limit} are safe: "
            f"insert the {names} through the API first and link to what is stored"
        )
        self.length = length
        self.limit = limit
        self.insert = insert


class GoogleError(PasswrightError):
    """Google's REST API answered with an error, or not at all: `status` is 0 then."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        said = f"Google answered {status} {reason}" if status else "Google did not answer"
        super().__init__(f"{said}: {message}")
        self.status = status
        self.reason = reason


class BindingError(PasswrightError):
    """A binding can't do what was asked. `code` is the stable snake_case name."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class BindingInvalid(BindingError):
    """The binding's own members break the input rules; `pointers` maps each to its rule.

    The message never repeats what was given: an address is not for logs.
    """

    def __init__(self, pointers: Mapping[str, str]) -> None:
        text = "; ".join(f"{pointer}: {rule}" for pointer, rule in pointers.items())
        super().__init__("binding_invalid", f"the binding is not usable: {text}")
        self.pointers = dict(pointers)


class IllegalTransition(BindingError):
    """The table of transitions has no such step from this state."""

    def __init__(self, code: str, state: str, event: str) -> None:
        super().__init__(code, f"{event} is not possible for a pass that is {state}")
        self.state = state
        self.event = event


class AttemptRefused(BindingError):
    """An attempt of Apple's ceremony is unknown, too old, used up or wrong."""


class StoreError(PasswrightError):
    """A store of passes refused."""


class NotFound(StoreError):
    """No record with this id."""


class AlreadyExists(StoreError):
    """A record with this id exists."""


class StaleBinding(StoreError):
    """The binding changed since it was read."""


class StoreUnavailable(StoreError):
    """The store can't be reached, is locked or full. Nothing happened; trying again later may help."""


class VaultError(PasswrightError):
    """A sealed value can't be opened: it was changed, moved, or its key is gone."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class LedgerError(PasswrightError):
    """The ledger of a batch can't be used: it is none, in use, or of another batch."""


class ServiceRefused(PasswrightError):
    """The service refused. `code` is the stable snake_case name.

    `pointers` maps JSON pointers into the request to the rule broken there, and
    is empty where the request as a whole is refused. Nothing given is repeated.
    """

    def __init__(self, code: str, message: str, *, pointers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.pointers = dict(pointers or {})


class SettingsError(PasswrightError):
    """The service can't start as it is set up. No message repeats a value."""


class MissingExtra(PasswrightError):
    """A part of Passwright is used whose extra is not installed."""

    def __init__(self, extra: str, *, missing: Sequence[str] = ()) -> None:
        names = f" ({', '.join(missing)} missing)" if missing else ""
        super().__init__(f"this needs an extra{names}: pip install 'passwright[{extra}]'")
        self.extra = extra


class UsageError(PasswrightError):
    """A command was called in a way that can't work; the message says which would."""


class Interrupted(PasswrightError):
    """A command was stopped; the message says how far it got, or how to resume it."""
