"""The test kit as others use it: a builder that is not ours, judged from a project that is not ours."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from passwright.testing import PASS_TYPE, TEAM, Authority, example_directory
from tests.apple import test_builder
from tests.conftest import AT, READER_KEY, png
from tests.paths import ROOT, TESTS
from tests.test_docs import WITHOUT_OTHERS

if TYPE_CHECKING:
    from collections.abc import Mapping

CODE = {"format": "PKBarcodeFormatQR", "message": "THEIRS-1"}

# Each test has three lines; the first one of them is the same everywhere.
PROJECT = """
from pathlib import Path

from passwright.testing import assert_bound, assert_valid_pkpass


def test_good() -> None:
    data = Path("good.pkpass").read_bytes()
    assert assert_valid_pkpass(data).serial_number == "THEIRS-1"


def test_bound() -> None:
    data = Path("bound.pkpass").read_bytes()
    assert_bound(assert_valid_pkpass(data))


def test_changed_picture() -> None:
    data = Path("changed-picture.pkpass").read_bytes()
    assert_valid_pkpass(data)


def test_unlisted_file() -> None:
    data = Path("unlisted-file.pkpass").read_bytes()
    assert_valid_pkpass(data)


def test_wrong_intermediate() -> None:
    data = Path("wrong-intermediate.pkpass").read_bytes()
    assert_valid_pkpass(data)


def test_other_pass_type() -> None:
    data = Path("other-pass-type.pkpass").read_bytes()
    assert_valid_pkpass(data)


def test_missing_icon() -> None:
    data = Path("missing-icon.pkpass").read_bytes()
    assert_valid_pkpass(data)


def test_code_on_bound_pass() -> None:
    data = Path("code-on-bound-pass.pkpass").read_bytes()
    assert_bound(assert_valid_pkpass(data))
"""

# Test -> what its refusal says first.
REFUSALS = {
    "changed_picture": r"error: logo\.png: the file was changed .* \[digest-mismatch\]",
    "unlisted_file": r"error: extra\.txt: .* \[unlisted-file\]",
    "wrong_intermediate": (
        r"error: signature: the pass certificate's issuer \(key \w+\) leads to no trusted root "
        r"\(.*Passwright Example Another.*\) \[untrusted-chain\]"
    ),
    "other_pass_type": (
        r"error: pass\.json#/passTypeIdentifier: passTypeIdentifier is not what the certificate names "
        r"\(the certificate is for pass\.com\.example\.passwright\) \[pass-type-mismatch\]"
    ),
    "missing_icon": r"error: icon\.png: .* \[missing-file\]",
    "code_on_bound_pass": r"error: pass\.json#/barcodes/0: a bound pass .* \[binding-forbids-barcode\]",
}


def orders() -> dict[str, dict[str, Any]]:
    """What passkit-generator is asked for: a good pass, a bound one, and four with one mistake each."""
    keys = example_directory()
    certificates = {
        "wwdr": (keys / "wwdr.pem").read_text(),
        "signerCert": (keys / "pass-nfc.pem").read_text(),
        "signerKey": (keys / "pass-nfc.key").read_text(),
    }
    pictures = {
        "icon.png": png(29, 29),
        "icon@2x.png": png(58, 58),
        "icon@3x.png": png(87, 87),
        "logo.png": png(50, 50),
        "logo@2x.png": png(100, 100),
    }
    props = {
        "formatVersion": 1,
        "passTypeIdentifier": PASS_TYPE,
        "teamIdentifier": TEAM,
        "serialNumber": "THEIRS-1",
        "organizationName": "Theirs",
        "description": "A card that somebody else makes",
        "backgroundColor": "rgb(20, 40, 60)",
        "foregroundColor": "rgb(255, 255, 255)",
        "labelColor": "rgb(255, 255, 255)",
    }
    nfc = {"message": "THEIRS-1", "encryptionPublicKey": READER_KEY}
    bound: dict[str, Any] = {
        "nfc": {**nfc, "requiresAuthentication": True},
        "props": {**props, "sharingProhibited": True},
    }
    other = Authority.create(now=AT).issue_intermediate(name="Another Intermediate").certificate

    def order(pictures: Mapping[str, bytes] = pictures, **changes: Any) -> dict[str, Any]:
        return {
            "certificates": certificates,
            "files": {name: base64.b64encode(data).decode() for name, data in pictures.items()},
            "props": props,
            "fields": {"header": [{"key": "points", "label": "Points", "value": 120}]},
            **changes,
        }

    return {
        "good": order(barcode=CODE),
        "bound": order(**bound),
        "wrong-intermediate": order(certificates={**certificates, "wwdr": pem(other)}),
        "other-pass-type": order(props={**props, "passTypeIdentifier": "pass.com.example.other"}),
        "missing-icon": order({name: data for name, data in pictures.items() if "icon" not in name}),
        "code-on-bound-pass": order(**bound, barcode=CODE),
    }


def pem(certificate: bytes) -> str:
    text = base64.encodebytes(certificate).decode()
    return f"-----BEGIN CERTIFICATE-----\n{text}-----END CERTIFICATE-----\n"


def repacked(data: bytes, name: str, content: bytes) -> bytes:
    """The archive with one file put in or changed, the signature as it was."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as theirs, zipfile.ZipFile(out, "w") as ours:
        files = {each: theirs.read(each) for each in theirs.namelist()}
        for each, held in {**files, name: content}.items():
            ours.writestr(each, held)
    return out.getvalue()


@pytest.fixture(scope="session")
def their_passes(passkit: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with passes of passkit-generator, signed by the example's certificate, and the tests."""
    script = passkit / "make_passes.mjs"  # beside node_modules, or node finds no packages
    shutil.copy(TESTS / "node" / script.name, script)
    done = subprocess.run(
        ["node", script], input=json.dumps(orders()), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    made = {name: base64.b64decode(text) for name, text in json.loads(done.stdout).items()}
    made["changed-picture"] = repacked(made["good"], "logo.png", png(50, 50, (1, 2, 3)))
    made["unlisted-file"] = repacked(made["good"], "extra.txt", b"put in later")
    folder = tmp_path_factory.mktemp("theirs")
    for name, data in made.items():
        (folder / f"{name}.pkpass").write_bytes(data)
    (folder / "test_theirs.py").write_text(PROJECT)
    return folder


def check_verdicts(said: str) -> None:
    """The good passes are accepted, and each broken one is refused for its reason, first of all."""
    assert re.search(r"\b6 failed, 2 passed\b", said), said
    for name, reason in REFUSALS.items():
        shown = said.partition(f" test_{name} _")[2].partition("\n____")[0]
        errors = re.findall(r"^E +(?:AssertionError: )?(error: .*)$", shown, re.MULTILINE)
        assert errors, said
        assert re.fullmatch(reason, errors[0]), errors


def judged(python: str | Path, folder: Path) -> str:
    """What pytest says about the tests in the folder."""
    done = subprocess.run(
        [python, "-m", "pytest", "-W", "error", "-p", "no:cacheprovider", *WITHOUT_OTHERS],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


@pytest.mark.foreign("node", "npm")
def test_passes_of_passkit_generator_are_judged_in_three_lines(their_passes: Path) -> None:
    check_verdicts(judged(sys.executable, their_passes))


# --- the wheel, in environments of its own ---

Environment = Callable[[str | Path, str], Path]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a release would hand out, made from this source."""
    made = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", made, ROOT)
    (found,) = made.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Makes a virtual environment of an interpreter, with the wheel and one extra; answers its Python."""

    @cache
    def make(python: str | Path, extra: str) -> Path:
        folder = tmp_path_factory.mktemp("environment")
        run(python, "-m", "venv", "--without-pip", folder)
        inside = folder / "bin" / "python"
        wanted = f"{wheel}[{extra}]" if extra else str(wheel)
        run(sys.executable, "-m", "pip", "--python", inside, "install", "--quiet", wanted)
        return inside

    return make


def run(*command: str | Path, cwd: Path | None = None) -> str:
    outside = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=cwd, env=outside, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.long
def test_the_wheel_holds_the_example_and_the_templates_and_nothing_of_the_tests(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for folder, inside in (("certs.example", "certs.example"), ("fixtures/templates", "templates")):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file():
                name = f"passwright/testing/{inside}/{path.relative_to(ROOT / folder).as_posix()}"
                assert name in names
    sources = {path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src").rglob("*.py")}
    assert sources <= names
    assert {"passwright/py.typed", "passwright/codes.toml"} <= names
    tops = {name.partition("/")[0] for name in names}
    assert "passwright" in tops
    assert len(tops) == 2  # and the metadata


@pytest.mark.foreign("node", "npm")
@pytest.mark.long
def test_a_throw_away_project_judges_passes_of_passkit_generator(
    environment: Environment, their_passes: Path
) -> None:
    """`pip install passwright[test]` and three lines for each pass, with nothing else of ours."""
    python = environment(sys.executable, "test")
    check_verdicts(judged(python, their_passes))
    installed = json.loads(run(sys.executable, "-m", "pip", "--python", python, "list", "--format", "json"))
    names = {each["name"].lower() for each in installed}
    assert {"passwright", "pytest", "cryptography", "asn1crypto"} <= names
    assert not names & {"mypy", "ruff", "hypothesis", "typer", "rich", "coverage", "fastapi"}


CORE = """
import passwright as pw
from passwright.testing import assert_bound, assert_valid_pkpass, assert_valid_save_link
from passwright.testing import Authority, check_signer, example_template_directory
from passwright.testing.assertions import example_issuer

club = pw.Template.load(example_template_directory())
binding = pw.Binding(email="a@example.com", learn_more_url="https://a.example.com/")
card = club.issue("M-1", {"fullName": "Jane Smith"}, binding=binding)
identity = Authority.example().identity(nfc=True)
assert_bound(assert_valid_pkpass(pw.apple.PassBuilder(identity).build(card)))
assert_bound(assert_valid_save_link(pw.google.PassBuilder(example_issuer()).save_link(card)))
check_signer(identity.signer, public_key=identity.public_key)
assert pw.validate(card).ok
print("done")
"""


@pytest.mark.long
def test_sup_02_the_core_works_with_its_own_requirements_and_names_the_extras_it_lacks(
    environment: Environment, tmp_path: Path
) -> None:
    python = environment(sys.executable, "")
    assert run(python, "-W", "error", "-c", CORE, cwd=tmp_path) == "done\n"
    done = subprocess.run(
        [python.with_name("passwright"), "explain"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.endswith("pip install 'passwright[cli]'\n")
    assert done.stdout == ""


@pytest.mark.long
@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
def test_sup_03_every_interpreter_makes_the_same_bytes(environment: Environment, version: str) -> None:
    """In another zone, under another hash seed and language, as in the first of these places here."""
    python = interpreter(version)
    if python is None:
        pytest.skip(f"there is no python{version}")
    inside = environment(python, "")
    here = test_builder.digests(sys.executable, *test_builder.PLACES[0])
    assert {test_builder.digests(inside, *place) for place in test_builder.PLACES} == {here}


def interpreter(version: str) -> str | None:
    """The Python of this version, also where pyenv keeps it."""
    for more in ({}, {"PYENV_VERSION": version}):
        try:
            done = subprocess.run(
                [f"python{version}", "-c", "import sys; print(sys.executable)"],
                env={**os.environ, **more},
                capture_output=True,
                text=True,
                check=False,
            )
        except OSError:
            return None
        if done.returncode == 0:
            return done.stdout.strip()
    return None
