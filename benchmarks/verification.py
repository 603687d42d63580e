"""What judging a pass of 180 kB costs beside one bare RSA-2048 signature, and beside OpenSSL.

    python benchmarks/verification.py            medians, quartiles and ratios
    python benchmarks/verification.py --check    fails when a ratio is worse than its bound

Contestants take turns, and what counts are ratios of CPU time turn by turn. Every
pass that is judged is another one, of one template and one signer: same pictures,
other values. `verifier kept` is what each costs with one verifier for all of them, whose
caches know the signer; `verifier fresh` makes one for each pass. OpenSSL is a process that checks the
signature over the manifest alone: no archive, no digests, no chain, no content.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import quantiles
from time import process_time

import workload
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

import passwright as pw
from passwright.apple.cms import parser as cms_parser
from passwright.examples.authority import Authority

PASSES = 40
WARM = 5
BASE = "bare RSA-2048 signature"
KEPT, FRESH = "verify, verifier kept", "verify, verifier fresh"
OPENSSL = "openssl cms -verify, signature alone"
# At most this many bare signatures, and at least this many times less than OpenSSL's process;
# all with the slack that a busy machine takes.
MOST_SIGNATURES, LEAST_OPENSSL = {KEPT: 1.9}, 30.0

Contestant = Callable[[int], object]


def contestants() -> dict[str, Contestant]:
    """Name -> one operation, given a running number."""
    identity, trust = workload.identity(), Authority.example().trust
    template, builder = workload.template(), pw.apple.PassBuilder(workload.identity())
    made = [
        builder.build(template.issue(f"M-{n:07}", workload.values(n)), at=workload.NOW) for n in range(PASSES)
    ]
    for data in made:
        if not pw.apple.verify(data, trust=trust, at=workload.NOW).ok:
            raise SystemExit("a pass of our own is not good")
    print(f"passes of {len(made[0]):,} bytes")
    message = b"x" * 200
    signature, key = identity.signer.sign(message), identity.public_key

    verifier = pw.apple.Verifier(trust)
    return {
        BASE: lambda _: identity.signer.sign(message),
        "bare RSA-2048 verification": lambda _: key.verify(signature, message, PKCS1v15(), SHA256()),  # type: ignore[call-arg,arg-type]  # the example's key is RSA
        KEPT: lambda n: verifier.verify(made[n % PASSES], at=workload.NOW),
        FRESH: lambda n: pw.apple.verify(made[n % PASSES], trust=trust, at=workload.NOW),
    }


def openssl(folder: Path) -> list[str]:
    """The command that checks the signature of one of these passes."""
    data = pw.apple.PassBuilder(workload.identity()).build(
        workload.template().issue("M-1", workload.values(1)), at=workload.NOW
    )
    files = pw.apple.verify(data, trust=Authority.example().trust, at=workload.NOW).files
    for name in ("manifest.json", "signature"):
        (folder / name).write_bytes(files[name])
    signer = folder / "signer.pem"
    signer.write_bytes(_pem(cms_parser.parse(files["signature"]).certificates))
    program = shutil.which("openssl")
    if program is None:
        raise SystemExit("this benchmark needs openssl")
    return [
        *(program, "cms", "-verify", "-inform", "DER", "-in", str(folder / "signature"), "-binary"),
        *("-content", str(folder / "manifest.json"), "-noverify", "-out", os.devnull),
        *("-certfile", str(signer), "-purpose", "any"),
    ]


def _pem(certificates: tuple[bytes, ...]) -> bytes:
    return b"".join(x509.load_der_x509_certificate(one).public_bytes(Encoding.PEM) for one in certificates)


def of_children(command: list[str]) -> float:
    """Seconds of CPU of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def measure(rounds: int, batch: int) -> dict[str, list[float]]:
    """Seconds of CPU per operation, one figure per turn and contestant."""
    field = contestants()
    figures: dict[str, list[float]] = {name: [] for name in (*field, OPENSSL)}
    with tempfile.TemporaryDirectory() as folder:
        command = openssl(Path(folder))
        of_children(command)
        for _ in range(rounds):
            for name, operation in field.items():
                # What others left in the caches, or made forgotten, is not its own.
                for number in range(WARM):
                    operation(number)
                started = process_time()
                for number in range(batch):
                    operation(number)
                figures[name].append((process_time() - started) / batch)
            figures[OPENSSL].append(of_children(command))
    return figures


def ratio(figures: dict[str, list[float]], one: str, other: str) -> tuple[float, float, float]:
    """Quartiles of what one costs in units of the other, turn by turn."""
    low, middle, high = quantiles((a / b for a, b in zip(figures[one], figures[other], strict=True)), n=4)
    return low, middle, high


def main() -> int:
    """Print the table; with --check, fail where a ratio is worse than its bound."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    figures = measure(options.rounds, options.batch)
    print(f"CPython {platform.python_version()}, cryptography {version('cryptography')}")
    print(f"{'µs of CPU':38}{'q1':>9}{'median':>9}{'q3':>9}")
    for name, seconds in figures.items():
        low, middle, high = quantiles(seconds, n=4)
        print(f"{name:38}{low * 1e6:9.1f}{middle * 1e6:9.1f}{high * 1e6:9.1f}")
    print(f"{'ratio':38}{'q1':>9}{'median':>9}{'q3':>9}")
    signatures = {name: ratio(figures, name, BASE) for name in MOST_SIGNATURES}
    processes = ratio(figures, OPENSSL, KEPT)
    for name, found in (
        *((f"{name} / signature", each) for name, each in signatures.items()),
        (f"openssl / {KEPT}", processes),
    ):
        print(f"{name:38}{found[0]:9.2f}{found[1]:9.2f}{found[2]:9.2f}")
    worse = [name for name, most in MOST_SIGNATURES.items() if signatures[name][1] > most]
    if options.check and (worse or processes[1] < LEAST_OPENSSL):
        print(f"worse than {MOST_SIGNATURES} signatures, or less than {LEAST_OPENSSL} times below OpenSSL")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
