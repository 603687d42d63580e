"""A built pass is what went in, in files that programs of others accept, and no more than that."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import logging
import os
import shutil
import subprocess
import sys
import threading
import zipfile
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from asn1crypto import cms as asn1
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from passwright import Barcode, Binding, Field, Template
from passwright.apple.builder import PassBuilder
from passwright.apple.container import pkpass
from passwright.apple.container.manifest import PER_PASS_FILES
from passwright.apple.context import ValidationContext
from passwright.apple.identity import Identity
from passwright.apple.rules.pass_json import validator
from passwright.apple.verification.verifier import verify
from passwright.binding.email import mask, sha256
from passwright.documents.compiled_template import TEMPLATE_CACHE_SIZE
from passwright.documents.json_patch import merge
from passwright.documents.rule import Rule
from passwright.errors import KeyMaterialError, PassRejected, SignerFailed
from passwright.examples.certificates import Leaf, new_key
from passwright.model.kinds import KINDS
from passwright.model.parts import Link, Location
from passwright.report import error, warning
from passwright.signing import KeySigner
from tests.conftest import AT, BINDING, MEMBERSHIP, TEMPLATES, png
from tests.paths import TESTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from passwright.examples.authority import Authority
    from passwright.model.template import Pass
    from passwright.report import Report

VALUES = {"fullName": "Jane Smith", "points": 120}


def codes(refused: pytest.ExceptionInfo[PassRejected]) -> set[str]:
    return {finding.code for finding in refused.value.report.errors}


def files_of(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def pem(certificate: bytes) -> bytes:
    return x509.load_der_x509_certificate(certificate).public_bytes(Encoding.PEM)


# --- what others say of it ---


@pytest.mark.foreign("openssl")
@pytest.mark.parametrize("ec", [False, True], ids=["rsa", "ec"])
@pytest.mark.parametrize("bound", [False, True], ids=["unbound", "bound"])
def test_sig_19_openssl_and_asn1crypto_accept_what_we_sign(
    authority: Authority, club: Template, tmp_path: Path, *, ec: bool, bound: bool
) -> None:
    identity = authority.identity(ec=ec, nfc=True)
    card = club.issue("M-0001", VALUES, binding=BINDING if bound else None)
    files = files_of(PassBuilder(identity).build(card, at=AT))
    for name, data in (*files.items(), ("root.pem", pem(authority.root))):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    command = "openssl cms -verify -binary -purpose any -inform DER -in signature -content manifest.json"
    done = subprocess.run(
        [*command.split(), "-CAfile", "root.pem", "-out", "content"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "content").read_bytes() == files["manifest.json"]
    listed = subprocess.run(
        ["openssl", "pkcs7", "-inform", "DER", "-in", "signature", "-print_certs", "-noout"],
        cwd=tmp_path,
        capture_output=True,
        check=True,
        text=True,
    )
    assert listed.stdout.count("subject=") == 2

    manifest = json.loads(files["manifest.json"])
    assert manifest.keys() == files.keys() - {"manifest.json", "signature"}
    for name, digest in manifest.items():
        assert hashlib.sha1(files[name]).hexdigest() == digest

    signed = asn1.ContentInfo.load(files["signature"], strict=True)["content"]
    assert {each.chosen.dump() for each in signed["certificates"]} == {
        identity.certificate,
        identity.intermediate,
    }
    (signer,) = signed["signer_infos"]
    attributes = {each["type"].native: each["values"].native for each in signer["signed_attrs"]}
    assert attributes["signing_time"] == [AT]
    assert signed["encap_content_info"]["content"].native is None


@pytest.mark.foreign("unzip")
def test_unzip_finds_nothing_to_complain_about(identity: Identity, club: Template, tmp_path: Path) -> None:
    path = tmp_path / "membership.pkpass"
    path.write_bytes(PassBuilder(identity).build(club.issue("M-0001", VALUES), at=AT))
    done = subprocess.run(["unzip", "-tqq", str(path)], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.foreign("unzip", "node", "npm")
@pytest.mark.parametrize("bound", [False, True], ids=["unbound", "bound"])
def test_passkit_generator_reads_what_went_in_and_signs_what_we_verify(
    authority: Authority, club: Template, passkit: Path, tmp_path: Path, *, bound: bool
) -> None:
    issued = authority.issue(Leaf(nfc=True))
    identity = Identity(
        certificate=issued.certificate, intermediate=authority.intermediate, signer=issued.signer
    )
    card = club.issue("M-0001", VALUES, binding=BINDING if bound else None)
    data = PassBuilder(identity).build(card, at=AT)
    (tmp_path / "pass.zip").write_bytes(data)
    subprocess.run(["unzip", "-q", "pass.zip", "-d", "pass"], cwd=tmp_path, check=True)
    key = issued.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    certificates = {
        "wwdr": pem(authority.intermediate).decode(),
        "signerCert": pem(issued.certificate).decode(),
        "signerKey": key.decode(),
    }
    script = passkit / "read_pass.mjs"  # beside node_modules, or node finds no packages
    shutil.copy(TESTS / "node" / script.name, script)
    done = subprocess.run(
        ["node", script],
        input=json.dumps({"folder": str(tmp_path / "pass"), "certificates": certificates}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)

    assert said["style"] == "storeCard"
    assert said["props"]["serialNumber"] == "M-0001"
    assert said["props"]["passTypeIdentifier"] == identity.pass_type_identifier
    assert said["props"]["nfc"]["message"] == "M-0001"
    assert said["props"].get("sharingProhibited") == (True if bound else None)
    # It reads pass.strings in UTF-8 only; ours holds umlauts, so it is UTF-16 as Apple asks.
    assert said["languages"] == ["en"]
    assert said["fields"]["header"] == [{"key": "points", "label": "Points", "value": 120}]
    assert [each["value"] for each in said["fields"]["secondary"]] == ["Jane Smith", "Bronze"]
    back = {each["key"]: each["value"] for each in said["fields"]["back"]}
    assert back["number"] == "M-0001"
    assert back.get("passwright.learn-more") == (BINDING.learn_more_url if bound else None)

    pictures = {name: blob for name, blob in files_of(data).items() if name.endswith(".png")}
    assert set(pictures) >= {"icon.png", "icon@2x.png", "icon@3x.png", "logo@2x.png", "strip@3x.png"}
    for name, blob in pictures.items():
        assert said["digests"][name] == hashlib.sha256(blob).hexdigest()

    # The other way round: what node-forge signs now, with attributes in its own order, verifies here.
    theirs = pkpass.pack({name: base64.b64decode(blob) for name, blob in said["signed"].items()})
    verdict = verify(theirs, trust=authority.trust)
    assert verdict.ok, verdict.report


# --- what it holds ---


def test_a_pass_holds_what_its_definition_says(identity: Identity, club: Template) -> None:
    card = club.issue("M-0001", {**VALUES, "tier": "Gold"}, expires=AT + timedelta(days=365))
    files = files_of(PassBuilder(identity).build(card, at=AT))
    document = json.loads(files["pass.json"])
    assert document["serialNumber"] == "M-0001"
    assert document["organizationName"] == "Example Coffee Roasters"
    assert document["backgroundColor"] == "rgb(60, 65, 76)"
    assert document["expirationDate"] == "2027-01-02T03:04:05+00:00"
    assert document["nfc"] == {"message": "M-0001", "encryptionPublicKey": club.nfc and club.nfc.apple_key}
    assert [each["value"] for each in document["storeCard"]["secondaryFields"]] == ["Jane Smith", "Gold"]
    assert "auxiliaryFields" not in document["storeCard"]
    assert '"Points" = "Punkte";' in files["de.lproj/pass.strings"].decode("utf-16")


def test_a_bound_pass_cannot_be_shared_and_asks_for_its_holder(identity: Identity, club: Template) -> None:
    builder = PassBuilder(identity)
    card = club.issue("M-0001", VALUES, binding=BINDING)
    document = json.loads(files_of(builder.build(card, at=AT))["pass.json"])
    assert document["sharingProhibited"] is True
    assert document["nfc"]["requiresAuthentication"] is True
    assert not document.keys() & {"barcode", "barcodes"}
    last = document["storeCard"]["backFields"][-1]
    assert (last["label"], last["value"]) == ("About this pass", BINDING.learn_more_url)
    assert last["attributedValue"] == f'<a href="{BINDING.learn_more_url}">{BINDING.learn_more_url}</a>'
    said = [finding.code for finding in builder.report(card, at=AT)]
    assert said == ["apple-drops", "apple-binding-not-enforced-by-file"]  # the pictures' alt, and the binding


def test_eml_10_no_byte_of_a_bound_pass_tells_whom_it_is_bound_to(
    identity: Identity, club: Template, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the address nor its mask nor its hash: in files, report, reprs and logs."""
    caplog.set_level(logging.DEBUG)
    email = "Canary.Bird+x@Example.org"
    binding = Binding(email=email, learn_more_url="https://help.example.com/")
    card = club.issue("M-0001", VALUES, binding=binding)
    builder = PassBuilder(identity)
    data = builder.build(card, at=AT)
    hashes = {sha256(email, policy=policy) for policy in ("gmail", "literal", "lower", "verbatim")}
    secrets = ["canary", "bird", "example.org", mask(email), *hashes]
    secrets += [base64.b64encode(bytes.fromhex(each)).decode() for each in hashes]
    texts = [data, *files_of(data).values(), *(each.encode() for each in files_of(data))]
    said = [builder.report(card, at=AT), card, binding, builder, verify(data, trust=_nobody())]
    with pytest.raises(PassRejected) as refused:
        builder.build(card.replace(apple={"sharingProhibited": False}), at=AT)
    said += [refused.value, refused.value.report, builder.files(card)]
    texts += [f"{each!r} {each}".encode() for each in said] + [caplog.text.encode()]
    for text in texts:
        for secret in secrets:
            assert secret.lower().encode() not in text.lower()


def _nobody() -> Any:
    from passwright.apple.trust.anchors import Trust

    return Trust.apple()


def test_files_are_the_pass_without_its_signature(identity: Identity, club: Template) -> None:
    card = club.issue("M-0001", VALUES)
    builder = PassBuilder(identity)
    built = files_of(builder.build(card, at=AT))
    assert {**builder.files(card), "signature": built["signature"]} == built
    unsigned = PassBuilder(None)
    own = {"passTypeIdentifier": identity.pass_type_identifier, "teamIdentifier": identity.team_identifier}
    assert unsigned.files(card.replace(apple=own)) == builder.files(card)
    with pytest.raises(PassRejected, match="pass type and team are not known") as refused:
        unsigned.files(card)
    assert codes(refused) == {"missing-key"}
    with pytest.raises(ValueError, match="no identity"):
        unsigned.build(card)


@pytest.mark.parametrize("name", sorted(folder.name for folder in TEMPLATES.iterdir()))
def test_every_template_builds_without_a_warning_and_verifies(
    authority: Authority, identity: Identity, name: str
) -> None:
    template = Template.load(TEMPLATES / name)
    builder = PassBuilder(identity)
    card = template.example()
    verdict = verify(builder.build(card, at=AT), trust=authority.trust, at=AT + timedelta(days=1))
    assert verdict.ok
    assert verdict.style == template.kind.style
    assert builder.report(card, at=AT).warnings == verdict.report.warnings == ()
    # Judged whole it is the same as judged by its blanks.
    whole = card.replace(apple={"passTypeIdentifier": identity.pass_type_identifier})
    assert set(builder.report(card, at=AT)) == set(builder.report(whole, at=AT))
    assert builder.files(card) == builder.files(whole)


# --- same input, same bytes, no work twice ---

SCRIPT = """
import hashlib, sys
from datetime import datetime, UTC
import passwright as pw
from passwright.testing.assertions import example_issuer
from passwright.examples.authority import Authority
club = pw.Template.load(sys.argv[1])
card = club.issue("M-1", {"fullName": "Jané", "points": 3}, expires=datetime(2027, 1, 1, tzinfo=UTC),
                  binding=pw.Binding(email="a@example.com", learn_more_url="https://a.example.com/"))
at = datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)
data = pw.apple.PassBuilder(Authority.example().identity(nfc=True)).build(card, at=at)
link = pw.google.PassBuilder(example_issuer()).save_link(card, issued_at=at)
print(hashlib.sha256(data).hexdigest(), hashlib.sha256(link.url.encode()).hexdigest())
"""


def test_sup_03_same_input_gives_the_same_bytes_everywhere() -> None:
    """Hash seeds, time zones and languages of the machine leave no trace."""
    assert len({digests(sys.executable, *place) for place in PLACES}) == 1


# Hash seed, time zone, language.
PLACES = (("0", "UTC", "C"), ("1", "Asia/Tokyo", "de_DE.UTF-8"), ("random", "America/Lima", "C"))


def digests(python: str | Path, seed: str, zone: str, language: str) -> str:
    """Of a pass and a link, made by this interpreter at such a place."""
    done = subprocess.run(
        [python, "-c", SCRIPT, str(MEMBERSHIP)],
        env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": language},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) == 2
    return done.stdout


class Counted:
    """A module whose functions note the size of what they were given."""

    def __init__(self, module: Any, sizes: list[int]) -> None:
        self._module = module
        self._sizes = sizes

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._module, name)
        if name not in ("sha1", "crc32", "adler32", "compress", "compressobj"):
            return found

        def noted(data: Any = b"", *args: Any, **more: Any) -> Any:
            self._sizes.append(len(data) if hasattr(data, "__len__") else -1)
            return found(data, *args, **more)

        return noted


def test_the_second_pass_of_a_template_computes_no_digest_of_a_picture(
    identity: Identity, club: Template, monkeypatch: pytest.MonkeyPatch
) -> None:
    from passwright.apple.container import archive_writer, manifest

    sizes: list[int] = []
    monkeypatch.setattr(manifest, "hashlib", Counted(hashlib, sizes))
    monkeypatch.setattr(archive_writer, "zlib", Counted(zlib, sizes))
    builder = PassBuilder(identity)
    first = files_of(builder.build(club.issue("M-0001", VALUES), at=AT))
    pictures = [len(blob) for name, blob in first.items() if name.endswith(".png")]
    assert len(pictures) == 9
    assert all(sizes.count(size) >= 2 for size in pictures)  # once for the manifest, once for the archive
    sizes.clear()
    second = files_of(builder.build(club.issue("M-0002", {"fullName": "Joe"}), at=AT))
    own = [second[name] for name in PER_PASS_FILES]
    # pass.json for the manifest, and the three files of its own for the archive.
    assert sorted(sizes) == sorted([len(own[0]), *map(len, own)])


def test_man_11_what_the_caller_changes_later_changes_no_pass(identity: Identity, tiny: Template) -> None:
    """Overrides, pictures and values are copied before anything is judged."""
    notes: dict[str, Any] = {"deep": [1]}
    pictures = dict(tiny.images.files)
    template = replace(tiny, apple={"userInfo": notes}, images=replace(tiny.images, files=pictures))
    values: dict[str, Any] = {"points": 1}
    card = template.issue("M-1", values)
    builder = PassBuilder(identity)
    before = builder.build(card, at=AT)
    notes["deep"].append(float("nan"))
    notes["more"] = {1}
    pictures["icon.png"] = b"no picture"
    values["points"] = "many"
    assert builder.build(card, at=AT) == before
    # Another shape of the same template is worked out only now.
    other = files_of(builder.build(card.replace(expires=AT), at=AT))
    assert json.loads(other["pass.json"])["userInfo"] == {"deep": [1]}


def test_man_11_digests_fit_the_bytes_while_another_thread_changes_them(
    authority: Authority, identity: Identity, tiny: Template
) -> None:
    own: dict[str, Any] = {"text": "a", "list": [0]}
    stop = threading.Event()

    def change() -> None:
        while not stop.is_set():
            own["text"] = "b" if own["text"] == "a" else "a"
            own["list"][0] += 1

    thread = threading.Thread(target=change)
    thread.start()
    try:
        builder = PassBuilder(identity)
        for _ in range(40):
            data = builder.build(tiny.issue("M-1", apple={"userInfo": own}), at=AT)
            assert verify(data, trust=authority.trust, at=AT).ok
    finally:
        stop.set()
        thread.join()


def test_a_builder_serves_several_threads(identity: Identity, club: Template) -> None:
    builder = PassBuilder(identity)
    made: dict[int, bytes] = {}

    def build(number: int) -> None:
        made[number] = builder.build(club.issue(f"M-{number}", VALUES), at=AT)

    threads = [threading.Thread(target=build, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alone = PassBuilder(identity)
    for number, data in made.items():
        assert data == alone.build(club.issue(f"M-{number}", VALUES), at=AT)


# --- what is refused ---

CODE = {"format": "PKBarcodeFormatQR", "message": "1", "messageEncoding": "iso-8859-1"}


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda card: card.replace(barcode="M-1"), "pass#/barcode"),
        (lambda card: card.replace(template=replace(card.template, barcode=Barcode())), "template#/barcode"),
        (lambda card: card.replace(apple={"barcode": CODE}), "pass.json#/barcode"),
        (lambda card: card.replace(apple={"barcodes": [CODE]}), "pass.json#/barcodes/0"),
        (lambda card: card.replace(apple={"barcodes": [{}, CODE]}), "pass.json#/barcodes/1"),
        (
            lambda card: card.replace(template=replace(card.template, apple={"barcodes": [CODE]})),
            "pass.json#/barcodes/0",
        ),
        (
            lambda card: card.replace(template=replace(card.template, apple={"barcode": CODE})),
            "pass.json#/barcode",
        ),
    ],
    ids=["definition", "template", "barcode", "barcodes", "second", "template-barcodes", "template-barcode"],
)
def test_bnd_12_a_bound_pass_with_a_code_is_refused_and_the_place_is_named(
    identity: Identity, tiny: Template, change: Any, where: str
) -> None:
    builder = PassBuilder(identity)
    bound = change(tiny.issue("M-1", binding=BINDING))
    with pytest.raises(PassRejected) as refused:
        builder.build(bound, at=AT)
    assert ("binding-forbids-barcode", where) in {
        (finding.code, finding.location) for finding in refused.value.report.errors
    }
    with pytest.raises(PassRejected):
        builder.files(bound)


@pytest.mark.parametrize("none", [{"barcode": None}, {"barcodes": []}, {"barcodes": None}])
def test_bnd_10_an_empty_code_is_none(identity: Identity, tiny: Template, none: dict[str, Any]) -> None:
    builder = PassBuilder(identity)
    builder.build(tiny.issue("M-1", binding=BINDING, apple=none), at=AT)
    coded = replace(tiny, barcode=Barcode())
    builder.build(coded.issue("M-1", binding=BINDING, barcode=False), at=AT)


def test_a_pass_that_is_not_bound_may_carry_a_code(identity: Identity, tiny: Template) -> None:
    coded = replace(tiny, barcode=Barcode(format="aztec", message="{serial}/x", text="No. {serial}"))
    document = json.loads(files_of(PassBuilder(identity).build(coded.issue("M-1"), at=AT))["pass.json"])
    assert document["barcodes"] == [
        {
            "format": "PKBarcodeFormatAztec",
            "message": "M-1/x",
            "messageEncoding": "iso-8859-1",
            "altText": "No. M-1",
        }
    ]


@pytest.mark.parametrize(
    ("own", "code"),
    [
        ({"sharingProhibited": None}, "apple-binding-allows-sharing"),
        ({"sharingProhibited": False}, "apple-binding-allows-sharing"),
        ({"nfc": None}, "apple-binding-needs-nfc"),
        ({"passTypeIdentifier": "pass.com.example.other"}, "pass-type-mismatch"),
        ({"teamIdentifier": "OTHERTEAM1"}, "team-mismatch"),
        ({"userInfo": {"set": {1}}}, "not-json"),
        ({"userInfo": {"nan": float("nan")}}, "not-json"),
        ({"userInfo": {"half": "\ud800"}}, "bad-string"),
        ({"userInfo": {"decimal": Decimal(1)}}, "not-json"),
        ({"storeCard": 1}, "wrong-type"),
        ({"logoTxt": "x"}, "unknown-key"),
        ({"webServiceURL": "https://a.example.com"}, "key-needs-key"),
    ],
)
@pytest.mark.parametrize("level", ["pass", "template"])
def test_an_override_that_spoils_a_bound_pass_is_refused(
    identity: Identity, tiny: Template, own: dict[str, Any], code: str, level: str
) -> None:
    template = replace(tiny, apple=own) if level == "template" else tiny
    card = template.issue("M-1", binding=BINDING, apple=own if level == "pass" else None)
    with pytest.raises(PassRejected) as refused:
        PassBuilder(identity).build(card, at=AT)
    assert code in codes(refused)
    assert all(finding.hint or finding.message for finding in refused.value.report)


@pytest.mark.parametrize("nested", ["deep", "circular"])
def test_an_override_without_an_end_is_refused(identity: Identity, tiny: Template, nested: str) -> None:
    own: dict[str, Any] = {}
    if nested == "circular":
        own["own"] = own
    else:
        for _ in range(100_000):
            own = {"own": own}
    for card in (
        tiny.issue("M-1", apple={"userInfo": own}),
        replace(tiny, apple={"userInfo": own}).issue("M-1"),
    ):
        with pytest.raises(PassRejected) as refused:
            PassBuilder(identity).build(card, at=AT)
        assert codes(refused) == {"too-deep"}


def test_authentication_may_be_switched_off_with_a_warning(identity: Identity, tiny: Template) -> None:
    card = tiny.issue("M-1", binding=BINDING, apple={"nfc": {"requiresAuthentication": False}})
    builder = PassBuilder(identity)
    assert builder.build(card, at=AT)
    found = [finding.code for finding in builder.report(card, at=AT).warnings]
    assert found == ["apple-binding-without-authentication"]


def test_losing_the_learn_more_link_warns(identity: Identity, tiny: Template) -> None:
    card = tiny.issue("M-1", binding=BINDING, apple={"storeCard": {"backFields": []}})
    found = [finding.code for finding in PassBuilder(identity).report(card, at=AT).warnings]
    assert found == ["apple-binding-without-link"]


def test_a_bound_pass_without_nfc_is_refused_unless_that_is_wanted(
    identity: Identity, tiny: Template
) -> None:
    bare = replace(tiny, nfc=None).issue("M-1", binding=BINDING)
    with pytest.raises(PassRejected) as refused:
        PassBuilder(identity).build(bare, at=AT)
    assert codes(refused) == {"apple-binding-needs-nfc"}
    lax = PassBuilder(identity, binding_needs_nfc=False)
    assert lax.build(bare, at=AT)
    assert "apple-binding-needs-nfc" in {finding.code for finding in lax.report(bare, at=AT).warnings}


def test_nfc_with_a_certificate_that_is_not_for_it_warns_or_is_refused(
    authority: Authority, tiny: Template
) -> None:
    plain, card = authority.identity(), tiny.issue("M-1")
    assert PassBuilder(plain).build(card, at=AT)
    assert [each.code for each in PassBuilder(plain).report(card, at=AT)] == ["nfc-needs-certificate"]
    with pytest.raises(PassRejected) as refused:
        PassBuilder(plain, strict=True).build(card, at=AT)
    assert codes(refused) == {"nfc-needs-certificate"}
    assert PassBuilder(plain, strict=True).build(card.replace(nfc=False), at=AT)


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ({"serial": "M 1"}, "bad-serial"),
        ({"values": {"pionts": 1}}, "unknown-field"),
        ({"values": {"points": "1"}}, "wrong-value"),
        ({"nfc": "x" * 65}, "too-long"),
        ({"nfc": "é" * 33}, "too-long"),
        ({"expires": datetime(2026, 1, 1)}, "bad-date"),  # noqa: DTZ001 -- the missing zone is the point
        ({"binding": Binding(email="nobody", learn_more_url="https://a.example.com")}, "binding-invalid"),
        ({"binding": Binding(email="a@example.com", learn_more_url="http://a.example")}, "binding-invalid"),
        ({"barcode": "\u20ac", "apple": {"barcodes": [{**CODE, "message": "\u20ac"}]}}, "code-not-encodable"),
    ],
)
def test_bad_input_is_refused_before_anything_is_signed(
    identity: Identity, tiny: Template, card: dict[str, Any], code: str
) -> None:
    class Never:
        key_id = None

        def sign(self, message: bytes) -> bytes:
            raise AssertionError("something was signed")

    watched = Identity(certificate=identity.certificate, intermediate=identity.intermediate, signer=Never())
    with pytest.raises(PassRejected) as refused:
        PassBuilder(watched).build(tiny.issue("M-1").replace(**card), at=AT)
    assert codes(refused) == {code}


def test_man_09_a_template_without_an_icon_or_with_a_broken_one_is_refused(
    identity: Identity, tiny: Template
) -> None:
    for pictures, code in (
        ({}, "missing-icon"),
        ({"logo.png": png(50, 50)}, "missing-icon"),
        ({"icon.png": b""}, "not-png"),
        ({"icon.png": b"GIF89a"}, "not-png"),
        ({"de/icon.png": png(38, 38)}, "missing-picture"),
    ):
        template = replace(tiny, images=replace(tiny.images, files=pictures))
        with pytest.raises(PassRejected) as refused:
            PassBuilder(identity).build(template.issue("M-1"), at=AT)
        assert codes(refused) == {code}


@pytest.mark.parametrize("name", [".DS_Store", "__MACOSX/._icon.png", "Thumbs.db", "../icon.png", "icon.p12"])
def test_man_12_left_overs_are_never_signed(identity: Identity, tiny: Template, name: str) -> None:
    template = replace(tiny, images=replace(tiny.images, files={**tiny.images.files, name: b"x"}))
    with pytest.raises(PassRejected) as refused:
        PassBuilder(identity).build(template.issue("M-1"), at=AT)
    assert codes(refused) == {"bad-name"}


def test_pictures_that_no_wallet_knows_are_left_out_with_a_warning(
    identity: Identity, tiny: Template
) -> None:
    extra = {"hereo.png": png(2, 2), "de/icons.png": png(2, 2)}
    template = replace(tiny, images=replace(tiny.images, files={**tiny.images.files, **extra}))
    builder = PassBuilder(identity)
    card = template.issue("M-1")
    assert (
        files_of(builder.build(card, at=AT)).keys()
        == files_of(PassBuilder(identity).build(tiny.issue("M-1"), at=AT)).keys()
    )
    found = {finding.location for finding in builder.report(card) if finding.code == "unknown-picture"}
    assert found == {f"images/{name}" for name in extra}


@pytest.mark.parametrize("language", ["../de", "de/x", "\ud800", "a:b"])
def test_a_language_that_makes_no_file_name_is_refused(
    identity: Identity, tiny: Template, language: str
) -> None:
    template = replace(tiny, translations={language: {"Points": "Punkte"}})
    with pytest.raises(PassRejected):
        PassBuilder(identity).build(template.issue("M-1"), at=AT)


def test_a_translation_that_is_no_text_for_files_is_refused(identity: Identity, tiny: Template) -> None:
    template = replace(tiny, translations={"de": {"Points": "\ud800"}})
    with pytest.raises(PassRejected) as refused:
        PassBuilder(identity).build(template.issue("M-1"), at=AT)
    assert codes(refused) == {"wrong-value"}


def test_times_need_a_zone_and_certificates_have_to_live(
    authority: Authority, identity: Identity, tiny: Template
) -> None:
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 -- the missing zone is the point
    builder = PassBuilder(identity)
    for call in (builder.build, builder.report):
        with pytest.raises(ValueError, match="no time zone"):
            call(tiny.issue("M-1"), at=naive)
    with pytest.raises(KeyMaterialError, match="valid from"):
        builder.build(tiny.issue("M-1"), at=datetime(1999, 1, 1, tzinfo=UTC))
    issued = authority.issue(Leaf(nfc=True, not_after=AT + timedelta(days=7)))
    short = Identity(
        certificate=issued.certificate, intermediate=authority.intermediate, signer=issued.signer
    )
    assert [each.code for each in PassBuilder(short).report(tiny.issue("M-1"), at=AT)] == [
        "certificate-expires-soon"
    ]
    assert PassBuilder(identity).build(tiny.issue("M-1"))  # now, by the clock
    assert PassBuilder(identity).report(tiny.issue("M-1")).ok


@pytest.mark.parametrize("fault", ["wrong key", "raises", "text"])
def test_a_foreign_signer_that_answers_nonsense_is_caught(
    identity: Identity, tiny: Template, fault: str
) -> None:
    other = KeySigner(new_key())

    class Foreign:
        key_id = "hsm"

        def sign(self, message: bytes) -> Any:
            if fault == "raises":
                raise OSError("the HSM is gone")
            return other.sign(message) if fault == "wrong key" else "c2lnbmF0dXJl"

    faulty = Identity(certificate=identity.certificate, intermediate=identity.intermediate, signer=Foreign())
    with pytest.raises(SignerFailed) as failed:
        PassBuilder(faulty).build(tiny.issue("M-1"), at=AT)
    assert isinstance(failed.value.__cause__, OSError) is (fault == "raises")


def test_rules_of_the_caller_are_asked_like_our_own(identity: Identity, tiny: Template) -> None:
    def shout(document: Any, about: Any, place: Any) -> Iterator[Any]:
        if document["logoText"] != document["logoText"].upper():
            yield error("house-style", place("/logoText"), "we write in capitals")

    def few_points(card: Pass, about: Any, place: Any) -> Iterator[Any]:
        if card.values.get("points", 0) > 100:
            yield warning("many-points", place("/values/points"), "that is a lot")

    rules = [
        Rule("pass.json", ("/logoText",), shout),
        Rule("pass", ("/values/*",), few_points),  # type: ignore[arg-type]  # a rule on "pass" is given the pass
    ]
    builder = PassBuilder(identity, rules=rules)
    with pytest.raises(PassRejected) as refused:
        builder.build(tiny.issue("M-1"), at=AT)
    assert codes(refused) == {"house-style"}
    loud = tiny.issue("M-1", {"points": 101}, apple={"logoText": "TINY"})
    found = [(each.code, each.location) for each in builder.report(loud, at=AT)]
    assert found == [("many-points", "pass#/values/points")]


# --- one road: what is judged is what is signed ---

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)


@st.composite
def templates(draw: Any) -> Template:
    """Templates of every shape, with everything that may or may not be there."""
    slots: st.SearchStrategy[Any] = st.sampled_from(
        ["header", "primary", "secondary", "auxiliary", "back", None]
    )
    fields = {
        f"f{index}": Field(slot=draw(slots), label=draw(TEXT), type=kind, optional=True, **more)
        for index, (kind, more) in enumerate(
            draw(
                st.lists(
                    st.sampled_from(
                        [
                            ("text", {}),
                            ("integer", {}),
                            ("number", {}),
                            ("money", {"currency": "EUR"}),
                            ("date", {"date": "full"}),
                            ("datetime", {"time": "none"}),
                        ]
                    ),
                    max_size=6,
                )
            )
        )
    }
    fields["serial-no"] = Field(slot="back", label="No", value="No. {serial}")
    fields["worth"] = Field(slot="header", type="money", currency="EUR", means="balance", default=1)
    return Template(
        kind=KINDS["loyalty"],
        id="any",
        organisation=draw(TEXT),
        name=draw(TEXT),
        description="x",
        images=_ICONS,
        fields=fields,
        nfc=draw(st.sampled_from([None, _NFC])),
        barcode=draw(st.sampled_from([None, Barcode(), Barcode(format="code128", text="{serial}")])),
        links=draw(st.sampled_from([(), (Link(label="Web", url="https://a.example.com/?a=1&b='2'"),)])),
        locations=draw(st.sampled_from([(), (Location(latitude=1, longitude=2.5, text="here"),)])),
        apple=draw(
            st.sampled_from([{}, {"barcodes": [CODE]}, {"barcode": CODE}, {"nfc": None}, {"voided": True}])
        ),
    )


def _shared() -> tuple[Any, Any]:
    from passwright.model.parts import Images, Nfc
    from tests.conftest import READER_KEY

    return Images(files={"icon.png": png(1, 1)}, url="https://a.example.com/"), Nfc(apple_key=READER_KEY)


_ICONS, _NFC = _shared()

SAMPLES: Mapping[str, st.SearchStrategy[Any]] = {
    "text": TEXT | st.just("5"),
    "integer": st.integers(-(2**53), 2**53),
    "number": st.decimals(-(10**6), 10**6, places=3) | st.floats(-1e6, 1e6),
    "money": st.decimals(0, 10**6, places=2),
    "date": st.dates(),
    "datetime": st.datetimes(timezones=st.just(UTC)),
}


@st.composite
def passes(draw: Any) -> Pass:
    template: Template = draw(templates())
    values = {
        key: draw(SAMPLES[each.type])
        for key, each in template.fields.items()
        if each.value is None and draw(st.booleans())
    }
    return template.issue(
        "M-1",
        values,
        nfc=draw(st.sampled_from([None, False, "ab", "x" * 70] if template.nfc else [None, False])),
        barcode=draw(st.sampled_from([None, False, "code", "\u20ac"])),
        binding=draw(st.sampled_from([None, BINDING])),
        expires=draw(st.none() | SAMPLES["datetime"]),
        apple=draw(st.sampled_from([{}, {"barcode": CODE}, {"barcodes": [CODE]}, {"fidoProfile": {"a": 1}}])),
    )


@pytest.mark.no_cover
@given(passes())
def test_the_prepared_road_says_what_judging_the_whole_says(card: Pass) -> None:
    """What a rule reads decides whether it runs per pass: nothing may slip through by that."""
    own = {"passTypeIdentifier": "pass.com.example.passwright", "teamIdentifier": "EXAMPLE123"}
    builder = PassBuilder(None)
    card = card.replace(template=replace(card.template, apple={**card.template.apple, **own}), apple={})
    said = {str(finding) for finding in builder.report(card) if finding.location.startswith("pass.json")}
    bare = card.replace(barcode=False if card.binding else card.barcode)
    if card.binding and (card.barcode or (card.barcode is None and card.template.barcode)):
        assert said == set()  # refused by its definition already
        return
    about = ValidationContext(bound=bare.binding is not None)
    prepared = builder._renderer.compiled(bare.template)
    stencil = prepared.shape(bare.shape).documents[0].template
    document = json.loads(stencil.render(stencil.compute(bare.resolved_values())))
    assert document == stencil.document(stencil.compute(bare.resolved_values()))
    assert said == {str(finding) for finding in validator().validate(document, about)}


@given(passes())
def test_no_bound_pass_of_any_shape_leaves_with_a_code(card: Pass) -> None:
    own = {"passTypeIdentifier": "pass.com.example.passwright", "teamIdentifier": "EXAMPLE123"}
    card = card.replace(apple=merge(dict(card.apple), own))
    try:
        document = json.loads(PassBuilder(None, binding_needs_nfc=False).files(card)["pass.json"])
    except PassRejected:
        return
    if card.binding is not None or "fidoProfile" in document:
        assert not document.get("barcode")
        assert not document.get("barcodes")
        assert document["sharingProhibited"] is True


def test_reports_are_the_same_every_time(identity: Identity, club: Template) -> None:
    builder = PassBuilder(identity)
    card = club.issue("M-1", {"fullName": "J"}, binding=BINDING)
    reports: set[Report] = {builder.report(card, at=AT) for _ in range(3)}
    assert len(reports) == 1


def test_a_builder_works_a_template_out_once_and_keeps_those_that_came_last() -> None:
    """Templates that are alike are told apart: one of them may be changed with `replace`."""
    bare = Template(kind=KINDS["generic"], id="a", organisation="B", name="C", description="D")
    builder, templates = PassBuilder(None), [replace(bare) for _ in range(TEMPLATE_CACHE_SIZE + 1)]
    first = builder._renderer.compiled(templates[0])
    assert builder._renderer.compiled(templates[0]) is first
    made = [builder._renderer.compiled(template) for template in templates]
    assert len({id(each) for each in made}) == TEMPLATE_CACHE_SIZE + 1
    assert builder._renderer.compiled(templates[-1]) is made[-1]
    assert builder._renderer.compiled(templates[0]) is not first
