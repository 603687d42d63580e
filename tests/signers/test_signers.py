"""Keys that never leave their vault sign passes that openssl takes and links that PyJWT takes."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import time
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import jwt
import pytest
import requests

import passwright as pw
from passwright.errors import (
    KeyMaterialError,
    MissingExtra,
    SignerRefused,
    SignerTimeout,
    SignerUnreachable,
    WrongSignature,
)
from passwright.examples.certificates import Leaf, new_key
from passwright.signers.aws import AwsKmsSigner
from passwright.signers.gcp import GoogleKmsSigner
from passwright.signers.iam import GoogleIamSigner
from passwright.signers.pkcs11 import Pkcs11Signer
from passwright.testing import check_signer
from passwright.testing.fakes.google import FakeGoogle
from passwright.testing.fakes.kms import KeyService
from tests.conftest import ACCOUNT, AT, ISSUER_ID
from tests.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from passwright.examples.authority import Authority
    from passwright.signing import PublicKey

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
VERSION = "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1"


@pytest.fixture(scope="module")
def key() -> Any:
    return new_key()


@pytest.fixture
def service(key: Any) -> Iterator[KeyService]:
    with KeyService(key) as running:
        yield running


@pytest.fixture
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials that boto3 signs its requests with; nobody looks them up, nothing is kept of others."""
    import boto3

    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    values = {
        "AWS_ACCESS_KEY_ID": "AKIALOOKALIKE",
        "AWS_SECRET_ACCESS_KEY": "look-alike",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def aws_client(url: str, *, timeout: float = 2.0, attempts: int = 1) -> Any:
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=timeout,
        read_timeout=timeout,
        retries={"mode": "standard", "total_max_attempts": attempts},
    )
    return boto3.client("kms", endpoint_url=url, config=config)


def cloud_kms_client(url: str) -> Any:
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import kms

    return kms.KeyManagementServiceClient(
        transport="rest",
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
        client_options={"api_endpoint": url},
    )


def session(token: str) -> Any:
    from google.auth.transport.requests import AuthorizedSession
    from google.oauth2.credentials import Credentials

    return AuthorizedSession(Credentials(token))  # type: ignore[no-untyped-call]


def aws(service: KeyService, **more: Any) -> AwsKmsSigner:
    return AwsKmsSigner("alias/passes", client=aws_client(service.url, **more))


def gcp(service: KeyService, *, timeout: float = 2.0, attempts: int = 1) -> GoogleKmsSigner:
    return GoogleKmsSigner(VERSION, client=cloud_kms_client(service.url), timeout=timeout, attempts=attempts)


def iam(service: KeyService, *, timeout: float = 2.0, attempts: int = 1) -> GoogleIamSigner:
    certificates = f"{service.url}/service_accounts/v1/metadata/x509"
    return GoogleIamSigner(
        ACCOUNT, session=session(service.token), timeout=timeout, attempts=attempts, endpoint=service.url,
        certificates=certificates,
    )  # fmt: skip


SIGNERS: dict[str, Callable[..., Any]] = {"aws": aws, "gcp": gcp, "iam": iam}


@pytest.fixture(params=SIGNERS)
def make(request: pytest.FixtureRequest, _credentials: None) -> Callable[..., Any]:
    return SIGNERS[request.param]


def check_pass(
    signer: Any, public_key: PublicKey, authority: Authority, club: pw.Template, folder: Path
) -> None:
    """The signer signs a pass for a certificate of its key; openssl and our verifier take it."""
    certificate = authority.issue(Leaf(nfc=True), key=PublicOnly(public_key)).certificate  # type: ignore[arg-type]
    identity = pw.apple.Identity(certificate=certificate, intermediate=authority.intermediate, signer=signer)
    data = pw.apple.PassBuilder(identity).build(club.issue("M-1", {"fullName": "Jane"}), at=AT)
    verdict = pw.apple.verify(data, trust=authority.trust, at=AT)
    assert verdict.ok, verdict.report
    (folder / "signature").write_bytes(verdict.files["signature"])
    (folder / "manifest.json").write_bytes(verdict.files["manifest.json"])
    (folder / "root.pem").write_bytes(_pem(authority.root))
    done = subprocess.run(
        ["openssl", "cms", "-verify", "-inform", "DER", "-in", "signature", "-content", "manifest.json",
         "-binary", "-purpose", "any", "-CAfile", "root.pem", "-no_check_time", "-out", "out"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "CMS Verification successful" in done.stderr, done.stderr


class PublicOnly:
    """Stands for the private key of a vault where a certificate is issued for its public half."""

    def __init__(self, public_key: PublicKey) -> None:
        self._public_key = public_key

    def public_key(self) -> PublicKey:
        return self._public_key


def _pem(certificate: bytes) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    return x509.load_der_x509_certificate(certificate).public_bytes(Encoding.PEM)


def check_link(signer: Any, public_key: PublicKey, club: pw.Template, *, given: bool = True) -> None:
    """The signer signs a save link that PyJWT takes."""
    issuer = pw.google.Issuer(
        issuer_id=ISSUER_ID,
        email=ACCOUNT,
        signer=signer,
        public_key=public_key if given else None,
    )
    link = pw.google.PassBuilder(issuer).save_link(club.issue("M-1", {"fullName": "Jane"}), issued_at=AT)
    claims = jwt.decode(link.token, public_key, algorithms=["RS256"], audience="google")
    assert claims["typ"] == "savetowallet"
    assert "signer-not-verified" not in {finding.code for finding in link.report}


# --- services, by look-alikes that check requests as the services document them ---


@pytest.mark.foreign("openssl")
def test_a_key_service_signs_passes_and_links(
    make: Callable[..., Any], service: KeyService, authority: Authority, club: pw.Template, tmp_path: Path
) -> None:
    signer = make(service)
    keyless = isinstance(signer, GoogleIamSigner)
    check_link(signer, service.key.public_key(), club, given=not keyless)
    check_pass(signer, service.key.public_key(), authority, club, tmp_path)
    if not keyless:
        assert signer.public_key == service.key.public_key()


def test_a_key_service_keeps_the_contract_of_signers(make: Callable[..., Any], service: KeyService) -> None:
    check_signer(make(service, timeout=20), public_key=service.key.public_key())


@pytest.mark.usefixtures("_credentials")
def test_a_digest_travels_and_not_the_message(service: KeyService) -> None:
    """AWS takes 4,096 bytes at most, and what a pass says is nobody's business there."""
    signer = aws(service)
    before = len(service.asked)
    signer.sign(b"x" * 10**6)
    assert len(service.asked) == before + 1


FAULTS = {"wrong": WrongSignature, "slow": SignerTimeout, "refuses": SignerRefused, "ails": SignerUnreachable}


@pytest.mark.parametrize("fault", FAULTS)
def test_key_10_each_fault_has_its_own_error(
    make: Callable[..., Any], service: KeyService, club: pw.Template, fault: Any
) -> None:
    """And no link comes out."""
    signer = make(service, timeout=0.5)
    signer.sign(b"the key is known")
    issuer = pw.google.Issuer(
        issuer_id=ISSUER_ID, email=ACCOUNT, signer=signer, public_key=service.key.public_key()
    )
    builder = pw.google.PassBuilder(issuer)
    service.fault = fault
    started = time.monotonic()
    with pytest.raises(FAULTS[fault]) as failed:
        builder.save_link(club.issue("M-1", {"fullName": "Jane"}), issued_at=AT)
    assert time.monotonic() - started < 5
    for secret in (service.token, "look-alike", "Jane", ACCOUNT):
        assert secret not in str(failed.value)
        assert secret not in repr(signer)


def test_key_10_a_service_that_is_down_is_unreachable(make: Callable[..., Any], key: Any) -> None:
    with KeyService(key) as service:
        signer = make(service)
        signer.sign(b"x")
        service.stop()
        with pytest.raises(SignerUnreachable):
            signer.sign(b"x")
        with pytest.raises(SignerUnreachable):
            make(service).sign(b"x")
        service.stop = lambda: None  # type: ignore[method-assign]  # it has stopped


@pytest.mark.parametrize("name", ["gcp", "iam"])
def test_what_failed_in_passing_is_tried_again(name: str, service: KeyService) -> None:
    signer = SIGNERS[name](service, attempts=3)
    signer.sign(b"x")
    service.fault = "ails"
    before = len(service.asked)
    with pytest.raises(SignerUnreachable):
        signer.sign(b"x")
    assert len(service.asked) - before == 3


def test_a_changed_answer_is_found_by_its_checksum(service: KeyService) -> None:
    signer = gcp(service)
    honest = service.answer
    service.answer = lambda *request: {**honest(*request), "signatureCrc32c": "1"}  # type: ignore[method-assign]
    with pytest.raises(SignerRefused, match="checksum"):
        signer.sign(b"x")


@pytest.mark.usefixtures("_credentials")
def test_a_key_for_something_else_is_refused(service: KeyService) -> None:
    honest = service.answer
    other = {"algorithm": "RSA_DECRYPT_OAEP_2048_SHA256", "SigningAlgorithms": ["RSASSA_PSS_SHA_256"]}
    service.answer = lambda *request: {**honest(*request), **other}  # type: ignore[method-assign]
    for make in (aws, gcp):
        with pytest.raises(KeyMaterialError, match="passes need"):
            make(service)


def test_an_account_key_that_google_does_not_publish_is_refused(service: KeyService) -> None:
    signer = iam(service)
    honest = service.answer

    def renamed(*request: Any) -> dict[str, Any]:
        answer = honest(*request)
        return {**answer, "keyId": "f" * 40} if "keyId" in answer else answer

    service.answer = renamed  # type: ignore[assignment, method-assign]
    with pytest.raises(WrongSignature, match="does not publish"):
        signer.sign(b"x")


@pytest.mark.parametrize("name", ["gcp", "iam"])
@pytest.mark.parametrize("attempts", [0, -1])
def test_a_service_is_asked_at_least_once(name: str, service: KeyService, attempts: int) -> None:
    with pytest.raises(ValueError, match="1 or more"):
        SIGNERS[name](service, attempts=attempts).sign(b"x")
    assert service.asked == []


def test_what_works_the_second_time_is_a_signature(service: KeyService) -> None:
    signer = iam(service, attempts=2)
    honest = service.answer

    def at_last(*request: Any) -> dict[str, Any]:
        service.fault = None if service.asked else "ails"
        return honest(*request)

    service.answer = at_last  # type: ignore[assignment, method-assign]
    assert len(signer.sign(b"x")) == 256
    assert [path.rpartition(":")[2] for path in service.asked[:2]] == ["signBlob", "signBlob"]


ODD = {
    "aws": ({"PublicKey": "AAAA"}, KeyMaterialError, "can't be read"),
    "gcp": ({"pem": "-----BEGIN PUBLIC KEY-----"}, KeyMaterialError, "can't be read"),
    "iam": ({"signedBlob": "?"}, SignerRefused, "something else than a signature"),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.usefixtures("_credentials")
def test_an_answer_that_makes_no_sense_is_refused(name: str, service: KeyService) -> None:
    honest, (other, error, said) = service.answer, ODD[name]
    service.answer = lambda *request: {**honest(*request), **other}  # type: ignore[method-assign]
    with pytest.raises(error, match=said):
        SIGNERS[name](service).sign(b"x")


def test_a_certificate_of_the_account_that_is_none_is_refused(service: KeyService) -> None:
    honest = service.answer

    def garbled(path: str, *request: Any) -> dict[str, Any]:
        answer = honest(path, *request)
        return dict.fromkeys(answer, "-----BEGIN CERTIFICATE-----") if "/x509" in path else answer

    service.answer = garbled  # type: ignore[assignment, method-assign]
    with pytest.raises(KeyMaterialError, match="can't be read"):
        iam(service).sign(b"x")


# --- where credentials come from ---


@pytest.mark.usefixtures("_credentials")
def test_aws_is_found_as_its_own_library_finds_it(
    service: KeyService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", service.url)
    signer = AwsKmsSigner("alias/passes", timeout=20, attempts=2)
    check_signer(signer, public_key=service.key.public_key())
    service.fault = "ails"
    before = len(service.asked)
    with pytest.raises(SignerUnreachable, match="not available"):
        signer.sign(b"x")
    assert len(service.asked) - before == 2


@pytest.mark.usefixtures("_credentials")
def test_without_a_region_or_credentials_aws_is_not_asked(
    service: KeyService, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", service.url)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(SignerRefused, match="NoCredentialsError; are region and"):
        AwsKmsSigner("alias/passes")
    with pytest.raises(SignerRefused, match="can't be asked: InvalidMaxRetry"):
        AwsKmsSigner("alias/passes", attempts=0)
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(SignerRefused, match="set AWS_DEFAULT_REGION"):
        AwsKmsSigner("alias/passes")
    assert service.asked == []


@pytest.fixture
def _nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine where nobody has logged in to Google."""
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")


@pytest.mark.usefixtures("_nobody")
def test_without_credentials_google_is_not_asked(service: KeyService) -> None:
    for make in (lambda: GoogleKmsSigner(VERSION), lambda: GoogleIamSigner(ACCOUNT)):
        with pytest.raises(SignerRefused, match="no credentials; run gcloud"):
            make()
    # Credentials that can't be renewed, and have to be.
    lapsed = session("")
    lapsed.credentials.token = None
    with pytest.raises(SignerRefused, match="no credentials that Google takes"):
        GoogleIamSigner(ACCOUNT, session=lapsed, endpoint=service.url).sign(b"x")
    client = cloud_kms_client(service.url)
    client.transport._session.credentials = lapsed.credentials
    with pytest.raises(SignerRefused, match="no credentials that Google takes"):
        GoogleKmsSigner(VERSION, client=client)
    assert service.asked == []


def test_default_credentials_ask_for_the_scope_of_iam(
    service: KeyService, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A service account's, whose token comes from a Google that gives it for passes alone."""
    with FakeGoogle() as google:
        login = tmp_path / "login.json"
        login.write_text(json.dumps(google.service_account))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(login))
        with pytest.raises(SignerRefused, match="no credentials that Google takes"):
            GoogleIamSigner(ACCOUNT, endpoint=service.url).sign(b"x")
        [assertion] = google.assertions
        claims = jwt.decode(assertion, options={"verify_signature": False})
        assert claims["scope"] == "https://www.googleapis.com/auth/cloud-platform"
    assert service.asked == []


@pytest.mark.parametrize(
    ("absent", "make", "extra"),
    [
        ("boto3", lambda _: AwsKmsSigner("alias/passes"), "aws"),
        ("google.cloud", lambda _: GoogleKmsSigner(VERSION), "gcp"),
        ("google_crc32c", lambda service: gcp(service).sign(b"x"), "gcp"),
        ("pkcs11", lambda _: Pkcs11Signer(MODULE, token="passes", key="rsa"), "pkcs11"),
    ],
)
def test_a_signer_says_which_extra_it_needs(
    absent: str, make: Callable[[KeyService], Any], extra: str, service: KeyService,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    with monkeypatch.context() as without:
        without.setitem(sys.modules, absent, None)
        with pytest.raises(MissingExtra, match=rf"passwright\[{extra}\]"):
            make(service)


# --- what the look-alikes themselves refuse ---

DIGEST = b64encode(bytes(32)).decode()
SIGN = {"MessageType": "DIGEST", "SigningAlgorithm": "RSASSA_PKCS1_V1_5_SHA_256", "KeyId": "k"}
BEARER = {"Authorization": "Bearer look-alike-token"}
AWS4 = {"Authorization": "AWS4-HMAC-SHA256 Credential=x", "X-Amz-Target": "TrentService.Sign"}
CRC = {"digest": {"sha256": DIGEST}, "digestCrc32c": "1"}
VAULT = {"input": DIGEST, "prehashed": True, "signature_algorithm": "pss"}
UNTAKEN: dict[str, tuple[str, dict[str, str], Any, int]] = {
    "no such path": ("/", {}, {}, 404),
    "no JSON": ("/x:signBlob", BEARER, b"{", 400),
    "AWS, unsigned": ("/", {"X-Amz-Target": "TrentService.Sign"}, SIGN, 400),
    "AWS, another operation": ("/", {**AWS4, "X-Amz-Target": "TrentService.Encrypt"}, {}, 400),
    "AWS, a message": ("/", AWS4, {**SIGN, "MessageType": "RAW", "Message": DIGEST}, 400),
    "AWS, a short digest": ("/", AWS4, {**SIGN, "Message": "AAAA"}, 400),
    "Cloud KMS, a wrong checksum": (f"/v1/{VERSION}:asymmetricSign", {}, CRC, 400),
    "IAM, no token": ("/x:signBlob", {}, {"payload": DIGEST}, 401),
    "IAM, an unknown member": ("/x:signBlob", BEARER, {"payload": DIGEST, "digest": DIGEST}, 400),
    "Azure, another algorithm": ("/k/sign", BEARER, {"alg": "PS256", "value": DIGEST}, 400),
    "Vault, no token": ("/k/sha2-256", BEARER, VAULT, 403),
    "Vault, another padding": ("/k/sha2-256", {"X-Vault-Token": "look-alike-token"}, VAULT, 400),
}


@pytest.mark.parametrize("name", UNTAKEN)
def test_a_look_alike_refuses_what_the_service_would_refuse(name: str, service: KeyService) -> None:
    path, headers, body, status = UNTAKEN[name]
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = requests.post(f"{service.url}{path}", data=data, headers=headers, timeout=20)
    assert answer.status_code == status
    assert "ignature" not in answer.text


# --- AWS KMS by moto, which others wrote ---


@pytest.fixture
def moto(_credentials: None) -> Iterator[Any]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield aws_client(f"http://{host}:{port}", timeout=20)
    server.stop()


@pytest.mark.foreign("openssl")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("spec", ["RSA_2048", "ECC_NIST_P256"])
def test_aws_kms_as_moto_plays_it_signs(
    moto: Any, authority: Authority, club: pw.Template, tmp_path: Path, spec: str
) -> None:
    made = moto.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    # It does not know digests.
    signer = AwsKmsSigner(made["KeyId"], client=moto, raw=True)
    check_pass(signer, signer.public_key, authority, club, tmp_path)
    if spec == "RSA_2048":
        check_link(signer, signer.public_key, club)
    with pytest.raises(SignerRefused, match=r"NotFoundException.*region"):
        AwsKmsSigner("no-such-key", client=moto)


# --- PKCS #11 by SoftHSM ---


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A SoftHSM token with an RSA and an EC key, in a folder of its own."""
    (tmp_path / "tokens").mkdir()
    configuration = tmp_path / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {tmp_path / 'tokens'}\nobjectstore.backend = file\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(configuration))
    softhsm("--init-token", "--free", "--label", "passes", "--so-pin", "0000", "--pin", "1234")
    for name, kind in (("rsa", False), ("ec", True)):
        (tmp_path / f"{name}.pem").write_bytes(private_pem(new_key(ec=kind)))
        softhsm(
            "--import", str(tmp_path / f"{name}.pem"), "--token", "passes", "--label", name,
            "--id", "0a" if name == "rsa" else "0b", "--pin", "1234",
        )  # fmt: skip
    return tmp_path


def softhsm(*args: str) -> None:
    done = subprocess.run(["softhsm2-util", *args], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def private_pem(key: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem


def run_with_token(folder: Path, script: str) -> str:
    """Runs a script in a process of its own: SoftHSM reads its configuration once."""
    root = ROOT
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script), str(folder)],
        cwd=root, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.foreign("softhsm2-util", "openssl")
def test_a_token_signs_passes_and_links(token: Path) -> None:
    run_with_token(
        token,
        """
        import sys
        from pathlib import Path
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
        from tests.signers.test_signers import *
        from passwright.signers.pkcs11 import Pkcs11Signer
        from tests.conftest import MEMBERSHIP
        from passwright.examples.authority import Authority
        folder, authority, club = Path(sys.argv[1]), Authority.create(now=AT), pw.Template.load(MEMBERSHIP)
        for name in ("rsa", "ec"):
            public = load_pem_private_key((folder / f"{name}.pem").read_bytes(), None).public_key()
            signer = Pkcs11Signer(MODULE, token="passes", key=name, pin="1234")
            check_signer(signer, public_key=public)
            check_pass(signer, public, authority, club, folder)
            if name == "rsa":
                check_link(signer, public, club)
                by_id = Pkcs11Signer(MODULE, token="passes", key_id="0a", pin=lambda: "1234")
                check_link(by_id, public, club)
        assert "1234" not in repr(signer)
        """,
    )


@pytest.mark.foreign("softhsm2-util")
def test_key_10_what_is_wrong_with_a_token_is_said(token: Path) -> None:
    run_with_token(
        token,
        """
        import shutil, sys
        from pathlib import Path
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
        from tests.signers.test_signers import *
        from passwright.signers.pkcs11 import Pkcs11Signer
        folder = Path(sys.argv[1])
        def refused(error, says, **wrong):
            given = {"token": "passes", "key": "rsa", "pin": "1234", **wrong}
            with pytest.raises(error, match=says) as found:
                Pkcs11Signer(given.pop("module", MODULE), **given)
            assert "1234" not in str(found.value) and "4321" not in str(found.value)
        refused(KeyMaterialError, "NoSuchToken", token="other")
        refused(KeyMaterialError, "NoSuchKey", key="other")
        refused(SignerRefused, "PIN", pin="4321")
        refused(SignerUnreachable, "can't be loaded", module="/no/such/library.so")
        refused(ValueError, "label or by its id", key=None)
        signer = Pkcs11Signer(MODULE, token="passes", key="rsa", pin="1234")
        wrong = load_pem_private_key((folder / "ec.pem").read_bytes(), None).public_key()
        from passwright.signing import sign_checked
        with pytest.raises(WrongSignature):
            sign_checked(signer, wrong, b"x")
        """,
    )


SLOW_MODULE = r"""
#include <dlfcn.h>
#include <string.h>
#include <unistd.h>
/* CK_FUNCTION_LIST: a version, then pointers in the order of PKCS #11 2.40 section 5; C_Sign is the 44th. */
struct list { unsigned char version[2]; void *calls[68]; };
static struct list ours;
static unsigned long slow_sign(unsigned long s, void *d, unsigned long n, void *o, unsigned long *m) {
    sleep(5);
    return 0x30; /* CKR_DEVICE_ERROR */
}
unsigned long C_GetFunctionList(void **out) {
    struct list *theirs;
    unsigned long (*get)(void **) = dlsym(dlopen(REAL, RTLD_NOW), "C_GetFunctionList");
    unsigned long done = get((void **)&theirs);
    memcpy(&ours, theirs, sizeof ours);
    ours.calls[43] = (void *)slow_sign;
    *out = &ours;
    return done;
}
"""


@pytest.mark.foreign("softhsm2-util", "cc")
def test_key_10_a_token_that_hangs_is_given_up(token: Path) -> None:
    """By a library of PKCS #11 that takes five seconds for a signature."""
    (token / "slow.c").write_text(SLOW_MODULE)
    subprocess.run(
        ["cc", "-shared", "-fPIC", f'-DREAL="{MODULE}"', "-o", token / "slow.so", token / "slow.c", "-ldl"],
        check=True,
    )
    run_with_token(
        token,
        """
        import sys
        from tests.signers.test_signers import *
        from passwright.signers.pkcs11 import Pkcs11Signer
        signer = Pkcs11Signer(sys.argv[1] + "/slow.so", token="passes", key="rsa", pin="1234", timeout=1.0)
        started = time.monotonic()
        with pytest.raises(SignerTimeout, match="longer than 1 seconds"):
            signer.sign(b"x")
        assert time.monotonic() - started < 4
        """,
    )


@pytest.mark.foreign("softhsm2-util")
def test_key_10_a_session_that_ended_is_opened_again(token: Path) -> None:
    """As after a stick was taken out and put back; another token in its place is none."""
    run_with_token(
        token,
        """
        import shutil, sys
        from pathlib import Path
        from tests.signers.test_signers import *
        from passwright.signers.pkcs11 import Pkcs11Signer
        signer = Pkcs11Signer(MODULE, token="passes", key="rsa", pin="1234")
        assert len(signer.sign(b"x")) == 256
        signer._key.session.close()
        assert len(signer.sign(b"x")) == 256
        shutil.rmtree(Path(sys.argv[1]) / "tokens")
        signer._key.session.close()
        with pytest.raises((SignerUnreachable, KeyMaterialError)):
            signer.sign(b"x")
        """,
    )
