"""The passes of fixtures/vectors and fixtures/broken are judged as decided, and read where they can be."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from passwright import apple
from passwright.apple.container.filenames import is_junk_file
from passwright.apple.container.manifest import PER_PASS_FILES
from passwright.apple.trust import certificate as x
from passwright.apple.trust.anchors import Anchor, Trust
from passwright.apple.verification.verifier import STEPS, Verification, verify
from passwright.errors import InvalidInput, PassRejected
from passwright.report import Severity
from tests.paths import ROOT as REPOSITORY
from tests.run_cli import documents, run

FIXTURES = REPOSITORY / "fixtures"
JUDGED: dict[str, dict[str, Any]] = tomllib.loads((FIXTURES / "judged.toml").read_text("utf-8"))
NAMES = [(folder, name) for folder, passes in JUDGED.items() for name in passes]
AT = datetime(2026, 6, 1, tzinfo=UTC)
ROOT = FIXTURES / "authority" / "root.pem"
# What every verdict says, or follows from the steps.
ALWAYS = {"sha1-digests", "custom-roots", "revocation-not-checked", "step-skipped"}
TRAITS = range(1, 17)


def path(folder: str, name: str) -> Path:
    return FIXTURES / folder / f"{name}.pkpass"


@cache
def trust() -> Trust:
    """The root, and the intermediate as one that is known: as Apple's are."""
    roots = Trust.of(ROOT.read_bytes()).roots
    wwdr = x.parse(x.split_pem((FIXTURES / "authority" / "wwdr.pem").read_bytes())[0])
    times = wwdr.not_valid_before_utc, wwdr.not_valid_after_utc
    known = Anchor("WWDR", x.spki(wwdr), x.key_id(wwdr), *times, root=roots[0].name)
    return Trust(roots, (known,))


def codes(verdict: Verification, severity: Severity) -> list[str]:
    found = {finding.code for finding in verdict.report if finding.severity is severity}
    return sorted(found - (ALWAYS if severity is Severity.NOTE else set()))


def steps(verdict: Verification, outcome: str) -> list[str]:
    return [step for step in STEPS if verdict.steps[step] == outcome]


@pytest.mark.parametrize(("folder", "name"), NAMES)
def test_a_pass_is_judged_as_was_decided(folder: str, name: str) -> None:
    wanted = JUDGED[folder][name]
    verdict = verify(path(folder, name).read_bytes(), trust=trust(), at=AT)
    assert {
        **{f"{severity.value}s": codes(verdict, severity) for severity in Severity},
        **{outcome: steps(verdict, outcome) for outcome in ("failed", "skipped")},
    } == {key: wanted.get(key, []) for key in ("errors", "warnings", "notes", "failed", "skipped")}
    assert verdict.ok is (folder == "vectors")


def test_every_trait_of_genuine_passes_has_a_pass() -> None:
    shown = {
        trait for passes in JUDGED.values() for each in passes.values() for trait in each.get("traits", ())
    }
    assert shown == set(TRAITS)


def test_every_pass_is_in_the_table_and_is_small() -> None:
    for folder, passes in JUDGED.items():
        files = {file.stem: file for file in (FIXTURES / folder).iterdir()}
        assert files.keys() == passes.keys()
        assert max(file.stat().st_size for file in files.values()) < 8 * 2**10


@pytest.mark.parametrize(("folder", "name"), NAMES)
def test_a_pass_whose_container_and_json_hold_is_read_and_rewritten(
    folder: str, name: str, identity: Any
) -> None:
    """Reading asks for nothing else; rewriting refuses keys, codes on bound passes, and a missing icon."""
    data = path(folder, name).read_bytes()
    verdict = verify(data, trust=trust(), at=AT)
    if not verdict.document:
        with pytest.raises(InvalidInput):
            apple.read(data)
        return
    contents = apple.read(data)
    assert contents.document == verdict.document
    assert contents.files == verdict.files
    refused = {"private-key-inside": "secret-file", "code-on-a-bound-pass": "binding-forbids-barcode"}
    refused |= {"no-icon": "missing-file"}
    try:
        done = apple.rewrite(contents, identity, at=AT)
    except PassRejected as rejected:
        assert {finding.code for finding in rejected.report.errors} == {refused[name]}  # noqa: PT017
    else:
        assert name not in refused
        kept = {each: blob for each, blob in contents.files.items() if each not in PER_PASS_FILES}
        again = {
            each: blob for each, blob in apple.read(done.data).files.items() if each not in PER_PASS_FILES
        }
        assert again == {each: blob for each, blob in kept.items() if not is_junk_file(each)}


@pytest.mark.foreign("openssl")
@pytest.mark.parametrize(("folder", "name"), NAMES)
def test_openssl_says_the_same_of_signature_and_chain(folder: str, name: str, tmp_path: Path) -> None:
    """OpenSSL knows neither Apple's markers nor what a manifest is, so it accepts some that we refuse."""
    verdict = verify(path(folder, name).read_bytes(), trust=trust(), at=AT)
    if verdict.steps["container"] != "ok" or not verdict.files.get("signature"):
        return
    (tmp_path / "signature").write_bytes(verdict.files["signature"])
    (tmp_path / "manifest").write_bytes(verdict.files["manifest.json"])
    known = ROOT.read_bytes() + ROOT.with_name("wwdr.pem").read_bytes()
    (tmp_path / "known").write_bytes(known)
    moment = int((verdict.signed_at or AT).timestamp())
    command = (
        "openssl cms -verify -binary -inform DER -in signature -content manifest -purpose any -auth_level 0 "
        f"-attime {moment} -CAfile known -out said"
    )
    done = subprocess.run(command.split(), cwd=tmp_path, capture_output=True, check=False)
    ours = {"weak-digest", "wrong-purpose", "wrong-pass-type", "no-signed-attributes", "attached-content"}
    ours |= {"bad-leaf", "bad-signer", "signed-in-future"}
    if verdict.steps["chain"] == "ok":
        assert done.returncode == 0, done.stderr
    elif not ours & set(codes(verdict, Severity.ERROR)):
        assert done.returncode != 0


def test_the_texts_of_all_encodings_are_the_same() -> None:
    texts = {"Name": "Név ☕", "Jane Smith": "Kiss Anna"}
    read = {
        name: apple.read(path("vectors", name).read_bytes()).strings
        for _, name in NAMES
        if "strings-u" in name
    }
    assert len(read) == 5
    for name, strings in read.items():
        assert list(strings.values()) == ([texts] if name != "strings-unreadable" else []), name


def test_verify_over_the_whole_folder_prints_a_verdict_for_each_and_never_raises() -> None:
    files = [str(path(folder, name)) for folder, name in NAMES]
    done = run("verify", "--json", "--root", str(ROOT), "--at", AT.isoformat(), *files)
    printed = documents(done)
    assert [each["file"] for each in printed] == files
    assert done.exit_code == 1
    # Nobody can name an intermediate on the command line, so what needs one fails there.
    needs_one = {"intermediate-missing", "intermediate-wrong", "leaf-signed-with-sha1"}
    assert {Path(each["file"]).stem for each in printed if each["ok"]} == JUDGED["vectors"].keys() - needs_one


@pytest.mark.parametrize("name", sorted((FIXTURES / "authority").glob("*.pem")), ids=lambda name: name.stem)
def test_the_certificates_say_that_nobody_should_believe_them(name: Path) -> None:
    subject = x509.load_pem_x509_certificate(name.read_bytes()).subject.rfc4514_string()
    assert "Passwright throw-away example" in subject


def test_what_is_committed_is_what_is_made() -> None:
    """Byte by byte; a file that nobody makes is named as well."""
    command = [sys.executable, "fixtures/make.py", "--check", "authority", "vectors", "broken"]
    done = subprocess.run(command, cwd=FIXTURES.parent, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
