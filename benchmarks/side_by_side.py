"""What a pass and a link cost beside the bare RSA signature that each of them needs.

    python benchmarks/side_by_side.py            a table: medians, quartiles, ratios
    python benchmarks/side_by_side.py --check    fails when a ratio falls below its floor

Contestants take turns in one process, so a busy machine slows them alike; what
counts are the ratios.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median, quantiles
from time import process_time

import workload

import passwright as pw
from passwright.apple.build.pass_json import pass_validator
from passwright.apple.context import ValidationContext
from passwright.apple.rules.pass_json import validator
from passwright.examples.authority import Authority, example_directory

TEMPLATE = Path(__file__).parent.parent / "fixtures" / "templates" / "membership"
NOW = datetime(2026, 5, 1, 9, tzinfo=UTC)
URL = "https://support.example.com/pass-help"

# Shares of the bare signature's rate below which `--check` fails: what a quiet
# machine shows, less what a busy neighbour takes.
FLOORS = {"apple pass, bound": 0.70, "save link, bound": 0.70}

Contestant = Callable[[int], object]


def contestants() -> dict[str, Contestant]:
    """Name -> one operation, given a running number so that no two passes are alike."""
    authority = Authority.example()
    identity = authority.identity(nfc=True)
    club = pw.Template.load(TEMPLATE)
    service_account = (example_directory() / "service-account.json").read_bytes()
    issuer = pw.google.Issuer.from_service_account(service_account, issuer_id="3388000000012345678")
    apple, google = pw.apple.PassBuilder(identity), pw.google.PassBuilder(issuer)

    def card(number: int, *, bound: bool) -> pw.Pass:
        binding = pw.Binding(email="jane@gmail.com", learn_more_url=URL) if bound else None
        values = {"fullName": f"Jane Smith {number}", "points": number}
        return club.issue(f"M-{number:06}", values, binding=binding)

    data = apple.build(card(0, bound=True), at=NOW)
    document = json.loads(pw.apple.verify(data, trust=authority.trust, at=NOW).files["pass.json"])
    judged = validator()
    message = b"x" * 200
    return {
        "bare RSA-2048 signature": lambda _: identity.signer.sign(message),
        "apple pass, bound": lambda n: apple.build(card(n, bound=True), at=NOW),
        "apple pass, unbound": lambda n: apple.build(card(n, bound=False), at=NOW),
        "save link, bound": lambda n: google.save_link(card(n, bound=True), issued_at=NOW),
        "save link, unbound": lambda n: google.save_link(card(n, bound=False), issued_at=NOW),
        "verify that pass": lambda _: pw.apple.verify(data, trust=authority.trust, at=NOW),
        f"judge its pass.json ({len(json.dumps(document))} bytes) whole": lambda _: judged.validate(
            document, ValidationContext(bound=True, identity=identity)
        ),
        "the same, table alone": lambda _: list(pass_validator().check("Pass", document, place=str)),
    }


def measure(rounds: int, batch: int) -> dict[str, list[float]]:
    """CPU seconds per operation, one figure per round and contestant, in turns."""
    field = contestants()
    for warm_up in field.values():
        warm_up(1)
    figures: dict[str, list[float]] = {name: [] for name in field}
    number = 1
    for _ in range(rounds):
        for name, operation in field.items():
            started = process_time()
            for _ in range(batch):
                number += 1
                operation(number)
            figures[name].append((process_time() - started) / batch)
    return figures


def main() -> int:
    """Print the table; with --check, fail where a share is below its floor."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--batch", type=int, default=10)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    figures = measure(options.rounds, options.batch)
    floor = figures["bare RSA-2048 signature"]
    print(
        f"CPython {platform.python_version()}, cryptography {version('cryptography')}, "
        f"{options.rounds} rounds of {options.batch}"
    )
    print(f"{'':52}{'µs':>8}{'q1':>8}{'q3':>8}{'per second':>12}{'share':>8}")
    shares = {}
    for name, seconds in figures.items():
        low, _, high = quantiles(seconds, n=4)
        # Pair by pair, so that the machine's moods cancel out.
        shares[name] = median(bare / each for bare, each in zip(floor, seconds, strict=True))
        middle = median(seconds)
        print(
            f"{name:52}{middle * 1e6:8.1f}{low * 1e6:8.1f}{high * 1e6:8.1f}"
            f"{1 / middle:12.0f}{shares[name]:8.2f}"
        )
    return workload.judged(shares, FLOORS) if options.check else 0


if __name__ == "__main__":
    sys.exit(main())
