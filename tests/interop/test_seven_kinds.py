"""Every kind goes the whole way to both wallets, and programs of others find in it what went in."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import subprocess
import zipfile
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import google.auth.crypt
import google.auth.jwt
import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from passwright import Field, Template, apple
from passwright import google as wallet
from passwright.examples.certificates import Leaf, new_key
from passwright.google.content import resource_name
from passwright.google.issuer import Issuer
from passwright.google.link import MAX_TOKEN
from passwright.model.kinds import KINDS
from passwright.model.parts import SLOTS, Images
from passwright.model.validation import translatable_texts
from passwright.signing import KeySigner
from tests.conftest import ACCOUNT, AT, BINDING, ISSUER_ID, TEMPLATES, png
from tests.google.test_schema import disagreements
from tests.paths import TESTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from passwright.apple.identity import Identity
    from passwright.examples.authority import Authority
    from passwright.model.template import Pass

SEVEN = ("coupon", "event", "flight", "gift-card", "id-card", "membership", "train")
SERIAL = "S-0001"


class Case(NamedTuple):
    """One pass to make: which template, in which language first, for one person or for anybody."""

    name: str
    language: str
    bound: bool

    def __str__(self) -> str:
        return f"{self.name}-{self.language}-{'bound' if self.bound else 'unbound'}"


CASES = [
    Case(name, language, bound)
    for name in (*SEVEN, "bus", "ferry")
    for language in ("en", "de")
    for bound in (False, True)
]


@cache
def template_of(name: str, language: str) -> Template:
    """A template of the fixtures, or the train by another name, in its own language or turned to German."""
    template = Template.load(TEMPLATES / ("train" if name in ("bus", "ferry") else name))
    template = replace(template, kind=KINDS.get(name, template.kind))
    return template if language == "en" else turned(template)


def turned(template: Template) -> Template:
    """The same design with German as its own language, and English as the translation."""
    german = template.translations["de"]
    links = tuple(replace(link, label=german[link.label]) for link in template.links)
    locations = tuple(replace(each, text=german[each.text or ""]) for each in template.locations)
    fields = {
        key: replace(
            each,
            label=german.get(each.label, each.label),
            change=german.get(each.change or "", each.change),
            value=german.get(each.value, each.value) if isinstance(each.value, str) else each.value,
        )
        for key, each in template.fields.items()
    }
    return replace(
        template,
        language="de",
        organisation=german[template.organisation],
        name=german[template.name],
        description=german[template.description],
        images=replace(template.images, alt=template.images.alt and german[template.images.alt]),
        fields=fields,
        links=links,
        locations=locations,
        translations={"en": {translated: text for text, translated in german.items()}},
    )


def card_of(case: Case) -> Pass:
    binding = BINDING if case.bound else None
    barcode = False if case.bound else None
    return template_of(case.name, case.language).example(SERIAL, barcode=barcode, binding=binding)


@pytest.fixture(scope="module")
def archives(identity: Identity) -> dict[Case, bytes]:
    builder = apple.PassBuilder(identity)
    return {case: builder.build(card_of(case), at=AT) for case in CASES}


def files_of(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def unpack(data: bytes, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        archive.extractall(folder)
    return folder


def pem(certificate: bytes) -> str:
    return x509.load_der_x509_certificate(certificate).public_bytes(Encoding.PEM).decode()


def test_there_is_a_template_for_each_of_the_seven() -> None:
    assert sorted(folder.name for folder in TEMPLATES.iterdir()) == list(SEVEN)
    kinds = {template_of(name, "en").kind.name for name in (*SEVEN, "bus", "ferry")}
    assert kinds == KINDS.keys()
    assert {kind.vertical for kind in KINDS.values()} == {
        *("generic", "loyalty", "giftCard", "offer", "eventTicket", "flight", "transit"),
    }


# --- Apple: openssl, passkit-generator, pass-js ---


@pytest.mark.foreign("openssl")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_openssl_accepts_the_signature(
    authority: Authority, archives: Mapping[Case, bytes], tmp_path: Path, case: Case
) -> None:
    folder = unpack(archives[case], tmp_path)
    (folder / "root.pem").write_text(pem(authority.root))
    command = "openssl cms -verify -binary -purpose any -inform DER -in signature -content manifest.json"
    done = subprocess.run(
        [*command.split(), "-CAfile", "root.pem", "-out", "content"],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    manifest = json.loads((folder / "content").read_bytes())
    digests = {name: hashlib.sha1(data).hexdigest() for name, data in files_of(archives[case]).items()}
    assert manifest == {name: digests[name] for name in digests.keys() - {"manifest.json", "signature"}}


# What the two libraries find otherwise than we wrote it, and why that is no mistake of ours.
EXPLAINED = {
    ("passkit-generator", r"/\w+/\w+Fields: absent became \[\]"): "it lists empty slots",
    ("passkit-generator", r"/relevantDates?(/0/\w+)?: the same moment in UTC"): "it writes dates anew",
    ("passkit-generator", r"\w+\.lproj/pass.strings: unread, UTF-16"): "it takes every file for UTF-8",
    ("pass-js", r"\w+\.lproj/pass.strings: unread, ASCII"): "it takes every file for UTF-16",
    ("pass-js", r"/\w+/\w+Fields/\d/value: the same moment in UTC"): "it writes dates anew",
    ("pass-js", r"/nfc: .* became absent"): "it knows NFC on store cards only; Apple has it on all styles",
    ("pass-js", r"TypeError: background image must have width 180px for 1x density"): (
        "it asks for the size of 2012; today's is 343 x 503 points"
    ),
}

Reading = dict[str, Any]


@pytest.fixture(scope="module")
def readings(
    authority: Authority,
    archives: Mapping[Case, bytes],
    passkit: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[Case, dict[str, Reading]]:
    """What both libraries say of every pass, asked in one go."""
    issued = authority.issue(Leaf(nfc=True))
    certificates = {
        "wwdr": pem(authority.intermediate),
        "signerCert": pem(issued.certificate),
        "signerKey": issued.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
    }
    folder = tmp_path_factory.mktemp("passes")
    passes = {}
    for case, data in archives.items():
        (folder / f"{case}.pkpass").write_bytes(data)
        unpacked = unpack(data, folder / str(case))
        passes[str(case)] = {"archive": str(folder / f"{case}.pkpass"), "folder": str(unpacked)}
    script = passkit / "read_passes.mjs"  # beside node_modules, or node finds no packages
    shutil.copy(TESTS / "node" / script.name, script)
    # pass-js asks for a newer Node.js than many systems have, so one comes with the packages.
    node = next(passkit.glob("node_modules/node-*/bin/node"), "node")
    done = subprocess.run(
        [node, script],
        input=json.dumps({"certificates": certificates, "passes": passes}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    return {case: said[str(case)] for case in archives}


def differences(ours: Any, theirs: Any, pointer: str = "") -> Iterator[str]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in sorted(ours.keys() | theirs.keys()):
            here = f"{pointer}/{name}"
            if name not in ours or name not in theirs:
                yield f"{here}: {ours.get(name, 'absent')} became {theirs.get(name, 'absent')}"
            else:
                yield from differences(ours[name], theirs[name], here)
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, pair in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(*pair, f"{pointer}/{index}")
    elif ours != theirs:
        same = {moment(ours), moment(theirs)}
        yield f"{pointer}: the same moment in UTC" if len(same) == 1 else f"{pointer}: {ours} became {theirs}"


def moment(value: object) -> object:
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        return value


def strings_of(data: bytes) -> tuple[str, dict[str, str]]:
    """The encoding of a `pass.strings` of ours, and its pairs; no text of the fixtures has a quote."""
    encoding = "UTF-16" if data.startswith(b"\xff\xfe") else "ASCII"
    return encoding, dict(re.findall('"(.*)" = "(.*)";', data.decode(encoding)))


def found_in(archive: bytes, reading: Reading) -> Iterator[str]:
    """Everything a library complained of, or understood otherwise than we wrote it."""
    files = files_of(archive)
    yield from reading["complaints"]
    yield from differences(json.loads(files["pass.json"]), reading["document"])
    for name in (name for name in files if name.endswith("pass.strings")):
        encoding, pairs = strings_of(files[name])
        understood = reading["strings"].get(name.partition(".")[0])
        if not understood:
            yield f"{name}: unread, {encoding}"
        else:
            yield from differences(pairs, understood, f"/{name}")
    pictures = {
        name: hashlib.sha256(data).hexdigest() for name, data in files.items() if name.endswith(".png")
    }
    yield from differences(pictures, reading["pictures"], "/pictures")


@pytest.mark.foreign("node", "npm")
@pytest.mark.parametrize("library", ["passkit-generator", "pass-js"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_libraries_of_others_read_what_went_in(
    archives: Mapping[Case, bytes], readings: Mapping[Case, Mapping[str, Reading]], case: Case, library: str
) -> None:
    reading, template = readings[case][library], card_of(case).template
    lines = [pattern for name, pattern in EXPLAINED if name == library]
    unexplained = [
        found
        for found in found_in(archives[case], reading)
        if not any(re.fullmatch(line, found) for line in lines)
    ]
    assert unexplained == []
    # Beside our own pass.json, the definition itself.
    document = reading["document"]
    assert reading["style"] == template.kind.style
    assert document["serialNumber"] == SERIAL
    assert document["organizationName"] == template.organisation
    for slot in SLOTS:
        shown = document[template.kind.style].get(f"{slot}Fields", [])
        shown = [(each["key"], each.get("label", "")) for each in shown if "." not in each["key"]]
        assert shown == [(key, each.label) for key, each in template.fields.items() if each.slot == slot]
    texts = {text for text in translatable_texts(template) if text}
    for understood in reading["strings"].values():
        assert not understood or texts <= understood.keys()


@pytest.mark.parametrize(
    ("member", "other", "found"),
    [
        ("complaints", ["Odd!"], "Odd!"),
        ("strings", {"de": {"Points": "Punkt"}}, "/de.lproj/pass.strings/Points: Punkte became Punkt"),
        ("pictures", {}, "/pictures/icon.png: "),
        ("document", {"serialNumber": 1}, "/serialNumber: S-0001 became 1"),
    ],
)
def test_this_test_notices_what_others_read_otherwise(
    archives: Mapping[Case, bytes], member: str, other: Any, found: str
) -> None:
    data = archives[Case("membership", "en", bound=False)]
    files = files_of(data)
    pairs = {name[:2]: strings_of(text)[1] for name, text in files.items() if name.endswith(".strings")}
    pictures = {name: hashlib.sha256(text).hexdigest() for name, text in files.items() if ".png" in name}
    right = {
        "complaints": [],
        "document": json.loads(files["pass.json"]),
        "strings": pairs,
        "pictures": pictures,
    }
    assert list(found_in(data, right)) == []
    wrong = list(found_in(data, {**right, member: other}))
    assert any(line.startswith(found) for line in wrong)
    assert not any(re.fullmatch(line, each) for _, line in EXPLAINED for each in wrong if found in each)


@pytest.mark.foreign("node", "npm")
def test_each_file_of_strings_is_read_by_a_library(
    archives: Mapping[Case, bytes], readings: Mapping[Case, Mapping[str, Reading]]
) -> None:
    """One knows UTF-8 alone and the other UTF-16 alone; between them they read both languages of all."""
    for case, data in archives.items():
        assert {name[:2] for name in files_of(data) if name.endswith(".strings")} == {"en", "de"}
        both = [pair for reading in readings[case].values() for pair in reading["strings"].items()]
        assert {language for language, pairs in both if pairs} == {"en", "de"}


@pytest.mark.foreign("node", "npm")
def test_no_explanation_has_outlived_its_finding(
    archives: Mapping[Case, bytes], readings: Mapping[Case, Mapping[str, Reading]]
) -> None:
    found = {
        (library, finding)
        for case, said in readings.items()
        for library, reading in said.items()
        for finding in found_in(archives[case], reading)
    }
    used = {
        line for line in EXPLAINED for name, what in found if line[0] == name and re.fullmatch(line[1], what)
    }
    assert EXPLAINED.keys() - used == set()


# --- Google: the discovery document, PyJWT ---


@pytest.mark.parametrize("case", CASES, ids=str)
def test_payloads_are_what_google_describes(issuer: Issuer, case: Case) -> None:
    card = card_of(case)
    kind = card.template.kind
    class_, object_ = wallet.PassBuilder(issuer).payload(card)
    for resource, document in ((kind.class_type, class_), (kind.object_type, object_)):
        assert list(disagreements({"$ref": resource_name(resource)}, document, resource)) == []
    texts = json.dumps([class_, object_], ensure_ascii=False)
    assert card.template.organisation in texts
    assert f'"language": "{case.language}"' in texts
    assert ("saveRestrictions" in object_, "barcode" in object_) == (
        case.bound,
        not case.bound and card.template.barcode is not None,
    )


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_link_fits_and_points_at_nothing_that_nobody_was_told_to_insert(
    issuer: Issuer, case: Case
) -> None:
    card = card_of(case)
    kind = card.template.kind
    link = wallet.PassBuilder(issuer).save_link(card, issued_at=AT)
    assert len(link.token) <= MAX_TOKEN == 1800
    key: Any = issuer.public_key
    payload = jwt.decode(link.token, key, algorithms=["RS256"], audience="google")["payload"]
    assert payload == link.claims["payload"]
    (object_,) = payload[f"{kind.vertical}Objects"]
    travels = {each["id"] for each in payload.get(f"{kind.vertical}Classes", [])}
    assert link.requires.keys() <= {kind.class_type, kind.object_type}
    told = {resource["id"]: resource for resource in link.requires.values()}
    if object_.keys() == {"id"}:
        assert not case.bound
        object_ = told[object_["id"]]
    assert object_["id"] == f"{ISSUER_ID}.{SERIAL}"
    assert object_["classId"] in travels | told.keys()
    assert not travels & told.keys()
    assert ("saveRestrictions" in object_) is case.bound
    # What is to be inserted is all of it, in the form the API takes.
    class_, whole = wallet.PassBuilder(issuer).payload(card)
    if kind.class_type in link.requires:
        assert link.requires[kind.class_type] == class_
    if kind.object_type in link.requires:
        assert link.requires[kind.object_type] == whole
    codes = {finding.code for finding in link.report.warnings}
    assert ("link-needs-class" in codes) is (kind.class_type in link.requires)
    assert ("link-needs-object" in codes) is (kind.object_type in link.requires)


# --- Cyrillic ---

RUSSIAN = Template(
    kind=KINDS["loyalty"],
    id="kofeinyi-klub",
    organisation="Пример Кофейни",
    name="Кофейный клуб",
    description="Карта участника кофейного клуба",
    language="ru",
    images=Images(url="https://cdn.example.com/club/", files={"program-logo.png": png(660, 660)}),
    fields={
        "points": Field(slot="header", label="Баллы", type="integer", means="points", default=120),
        "fullName": Field(slot="secondary", label="Участник", means="holder"),
        "tier": Field(slot="secondary", label="Уровень", default="Бронзовый"),
        "drink": Field(slot="auxiliary", label="Любимый напиток", default="Капучино с корицей"),
        "shop": Field(slot="auxiliary", label="Моя кофейня", default="Невский проспект, дом 28"),
        "birthday": Field(slot="back", label="Подарок ко дню рождения", default="Большой латте и пирожное"),
    },
)


def test_a_cyrillic_link_is_a_third_shorter_than_the_usual_encoders_make_it() -> None:
    """The same claims under the same key; both others write six characters for a letter."""
    signing_key = new_key()
    issuer = Issuer(issuer_id=ISSUER_ID, email=ACCOUNT, signer=KeySigner(signing_key))
    card = RUSSIAN.issue(SERIAL, {"fullName": "Анна Воскресенская"})
    link = wallet.PassBuilder(issuer).save_link(card, issued_at=AT)
    text = signing_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    claims = dict(link.claims)
    auth: Any = google.auth
    others = {
        "PyJWT": jwt.encode(claims, text, algorithm="RS256"),
        "google-auth": auth.jwt.encode(auth.crypt.RSASigner.from_string(text), claims).decode(),
    }
    key: Any = issuer.public_key
    for name, token in others.items():
        assert jwt.decode(token, key, algorithms=["RS256"], audience="google") == claims
        shorter = 1 - link.length / len(token)
        figures = f"{link.length} characters, {name} {len(token)}: {shorter:.0%} shorter"
        print(figures)  # noqa: T201 -- for `pytest -s`
        assert shorter >= 0.3, figures
