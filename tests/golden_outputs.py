"""Outputs of the package, the command line and the service, recorded before names changed.

`python -m tests.golden_outputs --record` writes them anew into `tests/golden/outputs.json`.
Texts for people are left out; what programs read is compared to the letter. Large files
are compared by their SHA-256.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import zipfile
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2

import passwright as pw
from tests.conftest import png

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parent.parent
RECORD = Path(__file__).parent / "golden" / "outputs.json"
CERTS = ROOT / "certs.example"
TEMPLATES = ROOT / "fixtures" / "templates"
AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
MOMENT = "2026-06-01T12:00:00+00:00"
BINDING = pw.Binding(email="user@gmail.com", learn_more_url="https://support.example.com/pass-help")

# Members of JSON that hold texts for people, and members that were renamed since the recording.
PROSE = frozenset(
    {"message", "hint", "detail", "title", "explanation", "why", "what", "then", "text", "said"}
)
PROSE |= {"advice", "description", "examples", "cause", "effect", "mend", "remedy", "note", "reason", "see"}
# Random, or counted from today.
PROSE |= {"serialNumber", "days_left"}
RENAMED = {"where": "location"}
UNSTABLE = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[0-9:.]+(?:Z|\+00:00)"
    r"|(?<=/p/)[\w-]+|127\.0\.0\.1:\d+|localhost:\d+"
)


def normalise(value: Any) -> Any:
    """Drops texts for people, and gives renamed members the name they have now."""
    if isinstance(value, dict):
        return {RENAMED.get(key, key): normalise(each) for key, each in value.items() if key not in PROSE}
    if isinstance(value, list):
        return [normalise(each) for each in value]
    return value


def digest(data: bytes | str) -> str:
    """Returns the SHA-256 of bytes or of a text."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def command(*arguments: str) -> dict[str, Any]:
    """Runs a command; its exit code and its JSON, one document for each line."""
    done = subprocess.run(
        [sys.executable, "-m", "passwright", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "100", "NO_COLOR": "1"},
    )
    one = done.stdout.startswith("{\n")
    lines = [json.loads(each) for each in ([done.stdout] if one else done.stdout.splitlines())]
    return {"exit": done.returncode, "documents": normalise(lines)}


def identity() -> pw.apple.Identity:
    """Returns the example's signing identity with the NFC certificate."""
    names = ("pass-nfc.pem", "pass-nfc.key", "wwdr.pem")
    certificate, key, intermediate = ((CERTS / name).read_bytes() for name in names)
    return pw.apple.Identity.from_pem(certificate, key, intermediate)


def issuer() -> pw.google.Issuer:
    """Returns the example's issuer."""
    account = (CERTS / "service-account.json").read_bytes()
    return pw.google.Issuer.from_service_account(
        account, issuer_id="3388000000012345678", restrictions_enabled=True
    )


def example(name: str, **changes: Any) -> pw.Pass:
    """Returns the pass of a sample template with its example values."""
    template = pw.Template.load(TEMPLATES / name)
    return template.example("G-1", **changes)


def package(name: str, **changes: Any) -> Any:
    """Returns the digest and the content of a signed pass."""
    data = pw.apple.PassBuilder(identity()).build(example(name, **changes), at=AT)
    return {"sha256": digest(data), "pass.json": pass_json(data)}


def pass_json(data: bytes) -> Any:
    """Reads pass.json out of an archive, by the standard library."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return json.loads(archive.read("pass.json"))


def link(name: str, **changes: Any) -> Any:
    """Returns the digest of a save link and what has to be inserted first."""
    made = pw.google.PassBuilder(issuer()).save_link(example(name, **changes), issued_at=AT)
    return {"sha256": digest(made.url), "requires": dict(made.requires)}


def report(findings: Any) -> Any:
    """Returns the code, severity and location of each finding."""
    shown = [(each.code, each.severity.name, each.location) for each in findings]
    return sorted(shown)


def outputs() -> dict[str, Callable[[], Any]]:
    """Returns the golden outputs by name; each is made when it is called."""
    every: dict[str, Callable[[], Any]] = {}
    names = sorted(path.name for path in TEMPLATES.iterdir())
    for name in names:
        every[f"apple-{name}"] = partial(package, name)
        every[f"google-{name}"] = partial(link, name)
    every["apple-bound"] = lambda: package("membership", binding=BINDING)
    every["google-bound"] = lambda: link("membership", binding=BINDING)
    every["apple-pkpasses"] = pkpasses
    every["validate-membership"] = lambda: report(pw.validate(example("membership")).findings)
    every["validate-bound-with-barcode"] = lambda: report(
        pw.validate(example("membership", binding=BINDING, barcode="M-1")).findings
    )
    for folder in ("vectors", "broken"):
        files = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "fixtures" / folder).glob("*.pkpass"))
        every[f"verify-{folder}"] = partial(
            command, "verify", *files, "--root", "fixtures/authority/root.pem", "--at", MOMENT, "--json"
        )
    for name in (
        "signature-changed",
        "no-signature",
        "manifest-is-a-list",
        "code-on-a-bound-pass",
        "error-page",
    ):
        every[f"doctor-{name}"] = partial(
            command,
            *("doctor", f"fixtures/broken/{name}.pkpass", "--root", "fixtures/authority/root.pem"),
            *("--at", MOMENT, "--json"),
        )
    every["inspect-nfc"] = lambda: command("inspect", "fixtures/vectors/nfc.pkpass", "--json")
    every["certs-check"] = lambda: command(
        *("certs", "check", *(f"certs.example/{each}" for each in ("pass.pem", "wwdr.pem"))),
        *("--example", "--at", MOMENT, "--json"),
    )
    every["check-pass-json"] = lambda: check(
        "pass.json", {"formatVersion": 2, "eventTicket": {"x": 1}, "barcodes": []}
    )
    every["check-loyalty-object"] = lambda: check("loyaltyObject", {"id": "a", "barcode": {"type": "QR"}})
    every["check-event-class"] = lambda: check("eventTicketClass", {"id": "1.e", "eventName": "E"})
    every["check-claims"] = lambda: check("save-claims", {"iss": 1, "aud": "apple", "payload": {"x": []}})
    every["explain-code"] = lambda: command("explain", "binding-forbids-barcode", "--json")
    every["explain-log"] = lambda: command("explain", "Manifest didn't parse", "--json")
    every["inspect-link"] = lambda: command(
        "inspect", pw.google.PassBuilder(issuer()).save_link(example("coupon"), issued_at=AT).url, "--json"
    )
    every["unsigned-link"] = lambda: check("link", "https://pay.google.com/gp/v/save/e30.e30.AA")
    every["explain-member"] = lambda: command("explain", "relevantDate", "--json")
    every["schema-template"] = lambda: schema("template")
    every["schema-pass-json"] = lambda: schema("pass.json")
    every["apple-personalization"] = personalization
    every["build-json"] = partial(written, "build", "--serial", "G-1", "--out", "{folder}/pass.pkpass")
    every["link-json"] = partial(written, "link", "--serial", "G-1")
    every["batch-json"] = partial(written, "batch", "{folder}/rows.csv", "--out", "{folder}/passes.zip")
    every["api"] = api_answers
    return every


def personalization() -> Any:
    """Returns the digest of a pass with a sign-up sheet, and the sheet."""
    template = pw.Template.load(TEMPLATES / "membership")
    pictures = {**template.images.files, "personalizationLogo@3x.png": png(450, 120)}
    asking = replace(
        template,
        images=replace(template.images, files=pictures),
        personalization=pw.Personalization(fields=("name", "email"), description="Join"),
    )
    data = pw.apple.PassBuilder(identity()).build(asking.example("G-1"), at=AT)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {"sha256": digest(data), "sheet": json.loads(archive.read("personalization.json"))}


def written(name: str, *arguments: str) -> Any:
    """Returns what a command that signs prints as JSON, without what the time of day decides."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "rows.csv").write_text("serial,fullName,points\nM-1,Jane Smith,1\nM-2,,x\n")
        options = (each.format(folder=folder) for each in arguments)
        found = command(name, "fixtures/templates/membership", *options, "--example", "--json")
        refused = [
            normalise(json.loads(line))
            for path in sorted(Path(folder).glob("*.jsonl"))
            for line in path.read_text("utf-8").splitlines()
        ]
        found = json.loads(json.dumps({**found, "refused": refused}).replace(folder, "folder"))
    for document in found["documents"]:
        for changing in ("sha256", "url", "seconds"):
            document.pop(changing, None)
        document.get("claims", {}).pop("iat", None)
    return found


def check(kind: str, document: Any) -> Any:
    """Checks a document by the command line."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "document.json"
        path.write_text(json.dumps(document))
        found = command("check", str(path), "--as", kind, "--json")
        return json.loads(json.dumps(found).replace(str(path), "document.json"))


def schema(kind: str) -> Any:
    """Returns the digest of a JSON Schema without its descriptions."""
    found = command("schema", kind)
    return {"exit": found["exit"], "sha256": digest(json.dumps(found["documents"], sort_keys=True))}


def pkpasses() -> Any:
    """Returns the digest of two passes in one file."""
    data = pw.apple.PassBuilder(identity()).build(example("event"), at=AT)
    other = pw.apple.PassBuilder(identity()).build(example("coupon"), at=AT)
    return digest(pw.apple.pack_passes({"a.pkpass": data, "b.pkpass": other}))


@contextmanager
def service() -> Iterator[tuple[httpx2.Client, str]]:
    """Runs the example service; a client with its key, and the id of its template."""
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", "passwright", "serve", "--example", "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=folder,
        )
        try:
            yield from ready(process)
        finally:
            process.terminate()
            process.communicate(timeout=30)


def ready(process: subprocess.Popen[str]) -> Iterator[tuple[httpx2.Client, str]]:
    """Reads the address, the key and the template that the service prints at its start."""
    assert process.stdout is not None
    printed, deadline = "", time.monotonic() + 60
    while not all(each in printed for each in ("KEY=", "TEMPLATE=", "http://")):
        assert time.monotonic() < deadline, printed
        printed += process.stdout.readline()
    key, template, base = (
        re.search(pattern, printed)[1]  # type: ignore[index]
        for pattern in (r"KEY=(\S+)", r"TEMPLATE=(\S+)", r"(http://[\w.:]+)")
    )
    with httpx2.Client(base_url=base, headers={"Authorization": f"Bearer {key}"}, timeout=30) as client:
        yield client, template


def api_answers() -> Any:
    """Walks the life of a pass over HTTP: the status and the body of each answer."""
    answers = []
    with service() as (client, template):
        for method, path, body in (
            (
                "POST",
                f"/api/v1/passes?passTemplate={template}",
                {
                    "pass": {"extId": "G-1", "values": {"fullName": "Jane Smith"}},
                    "binding": {"email": BINDING.email, "learnMoreUrl": BINDING.learn_more_url},
                },
            ),
            ("GET", "/api/v1/passes/G-1", None),
            ("GET", "/api/v1/passes?includeBinding=true", None),
            ("PATCH", "/api/v1/passes/G-1", {"pass": {"values": {"points": 7}}}),
            ("PATCH", "/api/v1/passes/G-1", {"pass": {"values": {"points": "x"}}}),
            ("GET", "/api/v1/passes/nobody", None),
            ("POST", "/api/v1/passes/G-1/nullify", None),
        ):
            answer = client.request(method, path, json=body)
            shown = json.loads(UNSTABLE.sub("...", answer.text))
            answers.append(
                {
                    "request": f"{method} {path.split('?')[0]}",
                    "status": answer.status_code,
                    "body": normalise(shown),
                }
            )
    return answers


def contains(made: Any, recorded: Any) -> bool:
    """Returns whether an API answer holds everything that was recorded; members may have been added."""
    if isinstance(recorded, dict):
        return isinstance(made, dict) and all(k in made and contains(made[k], v) for k, v in recorded.items())
    if isinstance(recorded, list):
        return isinstance(made, list) and len(made) == len(recorded) and all(map(contains, made, recorded))
    return bool(made == recorded)


def main() -> int:
    """Records every output."""
    if sys.argv[1:] != ["--record"]:
        print(__doc__)
        return 2
    record = {name: json.loads(json.dumps(make())) for name, make in outputs().items()}
    out = io.StringIO()
    json.dump(record, out, ensure_ascii=False, indent=1, sort_keys=True)
    RECORD.write_text(out.getvalue() + "\n", "utf-8")
    print(f"{len(record)} outputs in {RECORD.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
