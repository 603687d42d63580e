"""An issuer is refused with a sentence that helps, and shows nobody its key."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import traceback
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from passwright.apple.identity import Identity
from passwright.errors import KeyMaterialError, SignerFailed
from passwright.examples.certificates import Leaf, new_key
from passwright.google.builder import PassBuilder
from passwright.google.issuer import Issuer
from passwright.signing import KeySigner
from tests.conftest import ACCOUNT, AT, BINDING, ISSUER_ID

if TYPE_CHECKING:
    from passwright import Template
    from passwright.examples.authority import Authority

KEY: Any = new_key()
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
# Some words of the key, as anything that shows it would show them.
CANARIES = [*PEM.splitlines()[1:-1], hex(KEY.private_numbers().d)[2:40], "hunter2-canary"]
FILE = {
    "type": "service_account",
    "client_email": ACCOUNT,
    "private_key": PEM,
    "private_key_id": "0123abcd",
    "token_uri": "https://oauth2.googleapis.com/token",
}


def test_a_service_account_file_is_read_as_text_bytes_or_mapping() -> None:
    for data in (json.dumps(FILE), json.dumps(FILE).encode(), FILE):
        issuer = Issuer.from_service_account(data, issuer_id=ISSUER_ID, origins=["https://a.example"])
        assert (issuer.email, issuer.signer.key_id) == (ACCOUNT, "0123abcd")
        assert issuer.public_key == KEY.public_key()
        assert issuer.origins == ("https://a.example",)
    assert FILE["private_key"] == PEM  # what the caller gave stays as it was


def test_a_pem_and_an_address_make_an_issuer() -> None:
    locked = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"pw"))
    for pem, password in ((PEM, None), (PEM.encode(), None), (locked, "pw")):
        issuer = Issuer.from_pem(pem, issuer_id="1", email=ACCOUNT, password=password)
        assert issuer.public_key == KEY.public_key()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("", "not JSON"),
        (b"\xff", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "no client_email and no private_key"),
        ("null", "no client_email and no private_key"),
        (json.dumps({**FILE, "client_email": None}), "no client_email"),
        (json.dumps({**FILE, "private_key": 5}), "no private_key"),
        (json.dumps({"type": "authorized_user", "client_id": "x"}), "its type is 'authorized_user'"),
        (json.dumps({**FILE, "private_key": "-----BEGIN PRIVATE KEY-----\nAAAA\n"}), "can't be read"),
    ],
    ids=range(9),
)
def test_a_file_that_is_no_service_account_is_refused(data: Any, sentence: str) -> None:
    with pytest.raises(KeyMaterialError, match=sentence):
        Issuer.from_service_account(data, issuer_id=ISSUER_ID)


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ({"issuer_id": ""}, "1 to 19 digits"),
        ({"issuer_id": "1" * 20}, "1 to 19 digits"),
        ({"issuer_id": "BCR2DN"}, "1 to 19 digits"),
        ({"issuer_id": "1\n"}, "1 to 19 digits"),
        ({"issuer_id": "\u0661"}, "1 to 19 digits"),
        ({"issuer_id": 3388000000012345678}, "has to be text"),
        ({"email": ""}, "e-mail"),
        ({"email": None}, "e-mail"),
        ({"signer": KeySigner(new_key(ec=True))}, "RSA"),
        ({"signer": object(), "public_key": new_key(ec=True).public_key()}, "RSA"),
        ({"public_key": new_key().public_key()}, "does not belong"),
    ],
    ids=range(11),
)
def test_an_issuer_that_could_not_sign_for_google_is_refused(members: dict[str, Any], sentence: str) -> None:
    given: dict[str, Any] = {"issuer_id": "1", "email": ACCOUNT, "signer": KeySigner(KEY)}
    with pytest.raises(KeyMaterialError, match=sentence):
        Issuer(**{**given, **members})


def test_one_origin_as_text_is_a_mistake_of_the_caller() -> None:
    origins: Any = "https://a.example"
    with pytest.raises(TypeError, match="origins"):
        Issuer(issuer_id="1", email=ACCOUNT, signer=KeySigner(KEY), origins=origins)


def secret_free(text: str) -> bool:
    return not any(canary in text for canary in CANARIES)


def test_key_04_nothing_that_is_shown_shows_a_key(authority: Authority, tiny: Template) -> None:
    issuer = Issuer.from_service_account(FILE, issuer_id=ISSUER_ID)
    issued = authority.issue(Leaf(nfc=True), key=KEY)
    identity = Identity(
        certificate=issued.certificate, intermediate=authority.intermediate, signer=KeySigner(KEY)
    )
    link = PassBuilder(issuer).save_link(tiny.issue("M-1", binding=BINDING), issued_at=AT)
    for shown in (issuer, identity, issuer.signer, link, PassBuilder(issuer), [issuer], {"a": link}):
        for text in (repr(shown), str(shown), f"{shown}"):
            assert secret_free(text)
            assert ACCOUNT not in text
            assert link.token[40:80] not in text
    holders: tuple[Any, ...] = (issuer, identity)
    for holder in holders:
        ways: tuple[Any, ...] = (pickle.dumps, copy.deepcopy, dataclasses.asdict)
        for take in ways:
            with pytest.raises(TypeError, match="private key") as refused:
                take(holder)
            assert secret_free(str(refused.value))
        assert copy.copy(holder).signer is holder.signer  # the same, not a second one
    for way in (pickle.dumps, copy.deepcopy, copy.copy):
        with pytest.raises(TypeError, match="private key"):
            way(issuer.signer)
    assert secret_free(repr(pickle.dumps(link)))
    assert secret_free(repr(dataclasses.asdict(link)))


@pytest.mark.parametrize(
    "load",
    [
        lambda: Issuer.from_service_account(json.dumps({**FILE, "client_email": ""}), issuer_id="1"),
        lambda: Issuer.from_service_account({**FILE, "client_email": ""}, issuer_id="1"),
        lambda: Issuer.from_service_account(json.dumps(FILE)[:-3], issuer_id="1"),
        lambda: Issuer.from_service_account(json.dumps(FILE), issuer_id="x"),
        lambda: Issuer.from_service_account(json.dumps({**FILE, "private_key": PEM[:-200]}), issuer_id="1"),
        lambda: Issuer.from_pem(PEM, issuer_id="x", email=ACCOUNT, password="hunter2-canary"),
        lambda: Issuer.from_pem(PEM[:-300], issuer_id="1", email=ACCOUNT, password="hunter2-canary"),
        lambda: Issuer.from_pem(PEM, issuer_id="1", email="", password=b"hunter2-canary"),
    ],
    ids=range(8),
)
def test_key_05_a_traceback_with_local_variables_shows_no_key(load: Any) -> None:
    with pytest.raises(KeyMaterialError) as refused:
        load()
    error = refused.value
    ours = error.__traceback__
    while ours and "passwright" not in ours.tb_frame.f_globals["__name__"]:
        ours = ours.tb_next
    assert ours is not None
    rendered = traceback.TracebackException(type(error), error, ours, capture_locals=True)
    text = "".join(rendered.format())
    assert "issuer_id" in text  # local variables are there
    assert secret_free(text)
    assert error.__cause__ is None
    assert error.__context__ is None or secret_free(repr(vars(error.__context__)))


def test_key_05_a_failing_signer_shows_no_key(tiny: Template) -> None:
    class Failing:
        key_id = None

        def sign(self, message: bytes) -> bytes:
            raise OSError("the HSM is gone")

    issuer = Issuer(issuer_id="1", email=ACCOUNT, signer=Failing(), public_key=KEY.public_key())
    with pytest.raises(SignerFailed) as failed:
        PassBuilder(issuer).save_link(tiny.issue("M-1"), issued_at=AT)
    text = "".join(traceback.TracebackException.from_exception(failed.value, capture_locals=True).format())
    assert secret_free(text)
    assert isinstance(failed.value.__cause__, OSError)
