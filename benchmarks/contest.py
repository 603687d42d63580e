"""Passes and links beside the bare signature that each needs, a bound made by hand, and what others make.

    python benchmarks/contest.py               all of them: medians, quartiles, ratios
    python benchmarks/contest.py --no-peers    ours alone, in one process
    python benchmarks/contest.py --check       ours alone; fails when a share falls below its floor

Everybody takes turns, so that a busy machine slows them alike; what counts are ratios of CPU time,
turn by turn. Peers live in environments of their own below benchmarks/peers/.venv, made on first use,
and get the same files, keys and claims. What does not install is named.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter, process_time
from typing import IO, Any

import bound
import workload
from cryptography.hazmat.primitives.serialization import load_pem_private_key

import passwright as pw
from passwright import batch
from passwright.apple.container import pkpass
from passwright.batch.runner import CHUNK
from passwright.examples.authority import example_directory

HERE = Path(__file__).parent / "peers"
ENVIRONMENTS = HERE / ".venv"
# What has to be signed is hashed for it: of a link that is the whole of its claims.
BARE, BARE_LINK = "bare RSA-2048 signature over what a pass signs", "the same over what a link signs"
PASS, LINK = "pass, batch road", "link, batch road"
BY_HAND = {PASS: "pass, made by hand, nothing checked", LINK: "link, made by hand, nothing checked"}
# Peers by what they are compared with, and the program that runs them.
PEERS = {
    "edutap.wallet_apple": PASS,
    "py-pkpass": PASS,
    "wallet-py3k": PASS,
    "passes-rs-py": PASS,
    "@walletpass/pass-js": PASS,
    "passkit-generator": PASS,
    "edutap.wallet_google": LINK,
    "google-auth": LINK,
    "PyJWT": LINK,
}
IN_NODE = ("@walletpass/pass-js", "passkit-generator")
# Of the bare signature's rate, below which --check fails: what a quiet machine shows, less what a
# busy neighbour takes.
FLOORS = {
    PASS: 0.84,
    "pass, single calls": 0.74,
    LINK: 0.88,
    "link, single calls": 0.78,
}
Contestant = Callable[[range], object]


def ours() -> dict[str, Contestant]:
    """Name -> one turn, given running numbers so that no two passes are alike."""
    template, identity, issuer = workload.template(), workload.identity(), workload.issuer()
    apple, google = pw.apple.PassBuilder(identity), pw.google.PassBuilder(issuer)
    passes = batch.PassMaker(template, apple=apple, at=workload.NOW)
    links = batch.PassMaker(template, google=google, at=workload.NOW)

    def card(number: int, *, to_one: bool = False) -> pw.Pass:
        binding = pw.Binding(email="jane@gmail.com", learn_more_url=workload.LEARN_MORE) if to_one else None
        return template.issue(f"M-{number:07}", workload.values(number), binding=binding)

    of_pass = apple.unsigned(card(1), at=workload.NOW).to_be_signed
    of_link = google.unsigned(card(1), issued_at=workload.NOW).to_be_signed
    return {
        BARE: _one_by_one(lambda _: identity.signer.sign(of_pass)),
        BARE_LINK: _one_by_one(lambda _: issuer.signer.sign(of_link)),
        BY_HAND[PASS]: _one_by_one(bound.pass_by_hand(template, identity, _key("pass-nfc.key"))),
        PASS: _in_portions(passes),
        "pass, single calls": _one_by_one(lambda number: apple.build(card(number), at=workload.NOW)),
        "pass to one person, single calls": _one_by_one(
            lambda number: apple.build(card(number, to_one=True), at=workload.NOW)
        ),
        BY_HAND[LINK]: _one_by_one(bound.link_by_hand(template, issuer, _account_key())),
        LINK: _in_portions(links),
        "link, single calls": _one_by_one(
            lambda number: google.save_link(card(number), issued_at=workload.NOW)
        ),
        "link to one person, single calls": _one_by_one(
            lambda number: google.save_link(card(number, to_one=True), issued_at=workload.NOW)
        ),
    }


def _one_by_one(make: Callable[[int], object]) -> Contestant:
    def turn(numbers: range) -> None:
        for number in numbers:
            make(number)

    return turn


def _in_portions(maker: batch.PassMaker) -> Contestant:
    """As `batch.package` goes through rows; a pass is let go of before the next one comes."""

    def turn(numbers: range) -> None:
        if not all(made.ok for made in maker.make_all((each, workload.row(each)) for each in numbers)):
            raise RuntimeError("a row was refused")

    return turn


def _key(name: str) -> Any:
    return load_pem_private_key((example_directory() / name).read_bytes(), None)


def _account_key() -> Any:
    account = json.loads((example_directory() / "service-account.json").read_bytes())
    return load_pem_private_key(account["private_key"].encode(), None)


# --- peers ---


def write_workload(folder: Path) -> int:
    """What peers make: the files of our pass, its keys, our claims; answers the size of our pass."""
    template, identity = workload.template(), workload.identity()
    data = pw.apple.PassBuilder(identity).build(
        template.issue("M-0000001", workload.values(1)), at=workload.NOW
    )
    (folder / "model.pkpass").write_bytes(data)
    for name, content in pkpass.read(data).items():
        path = folder / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for name, source in (
        ("pass.pem", "pass-nfc.pem"),
        ("pass.key", "pass-nfc.key"),
        ("wwdr.pem", "wwdr.pem"),
    ):
        shutil.copy(example_directory() / source, folder / name)
    shutil.copy(example_directory() / "service-account.json", folder / "account.json")
    link = pw.google.PassBuilder(workload.issuer()).save_link(
        template.issue("M-0000001", workload.values(1)), issued_at=workload.NOW
    )
    (folder / "claims.json").write_text(json.dumps(link.claims))
    return len(data)


class NotInstalled(Exception):
    """A peer can't be had here."""


def _run(*command: str, cwd: Path | None = None) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith(("ERROR", "npm error"))]
        raise NotInstalled((lines or [f"{command[0]} failed"])[0])


def command_of(name: str, folder: Path) -> tuple[list[str], Path]:
    """The program of a peer and where it runs, installed if it is not yet."""
    place = ENVIRONMENTS / ("node" if name in IN_NODE else name)
    if name in IN_NODE:
        if shutil.which("npm") is None:
            raise NotInstalled("there is no npm")
        if not (place / "node_modules" / name).exists():
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy(HERE / "package.json", place)
            _run("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", cwd=place)
        shutil.copy(HERE / "peer.mjs", place)
        # pass-js needs a newer Node than distributions have; where its package fits, it came along.
        node = next(place.glob("node_modules/node-linux-*/bin/node"), "node")
        return [str(node), "peer.mjs", name, str(folder)], place
    python = place / "bin" / "python"
    if not (place / "done").exists():
        wanted = next(
            line for line in (HERE / "requirements.txt").read_text().splitlines() if line.startswith(name)
        )
        _run(sys.executable, "-m", "venv", "--clear", str(place))
        _run(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wanted)
        (place / "done").touch()
    return [str(python), str(HERE / "peer.py"), name, str(folder)], place


@dataclass
class Peer:
    """A process that makes passes or links when it is told to."""

    version: str
    size: int
    ask: IO[str]
    answers: IO[str]

    def turn(self, number: int) -> float:
        """CPU seconds for one of `number` operations."""
        self.ask.write(f"{number}\n")
        self.ask.flush()
        return float(self.answers.readline().split()[1]) / number


@contextmanager
def peer(name: str, folder: Path) -> Iterator[Peer]:
    """A peer at work.

    Raises:
        NotInstalled: it can't be had, or does not start.
    """
    command, place = command_of(name, folder)
    with subprocess.Popen(
        command, cwd=place, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise NotInstalled("it has no pipes")
        hello = process.stdout.readline()
        if not hello:
            said = process.stderr.read().strip().splitlines()
            why = next(
                (line for line in said if "Error" in line and not line.startswith(" ")), "it says nothing"
            )
            raise NotInstalled(f"it does not start: {why}")
        yield Peer(**json.loads(hello), ask=process.stdin, answers=process.stdout)
        process.stdin.close()


# --- the contest ---

Figures = dict[str, list[float]]


def measure(rounds: int, size: int, peers: dict[str, Peer]) -> tuple[Figures, Figures]:
    """CPU seconds per operation, one figure per round and contestant, in turns.

    And what a bare signature took at the same time: the mean of half a turn just before and
    half a turn just after, since a machine that others share is quicker now and slower then.
    """
    field = ours()
    for operation in field.values():
        operation(range(1, 4))
    bare = {name: field.pop(name) for name in (BARE, BARE_LINK)}
    # A turn of a peer lasts about as long as one of ours.
    sizes = {name: max(1, round(size * 0.0006 / max(each.turn(2), 1e-5))) for name, each in peers.items()}
    figures: Figures = {name: [] for name in (*bare, *field, *peers)}
    beside: Figures = {name: [] for name in figures}
    number = 10
    for _ in range(rounds):
        for name, operation in field.items():
            signed, half = bare[_base(name)], range(size // 2)
            before = _seconds(signed, half)
            figures[name].append(_seconds(operation, range(number, number + size)))
            beside[name].append((before + _seconds(signed, half)) / 2)
            number += size
        for name, operation in bare.items():
            figures[name].append(_seconds(operation, range(size)))
        for name, each in peers.items():
            figures[name].append(each.turn(sizes[name]))
        for name in (*bare, *peers):
            beside[name].append(figures[_base(name)][-1])
    return figures, beside


def _base(name: str) -> str:
    """The bare signature that a contestant is compared with."""
    kind = PEERS.get(name, name)
    return BARE_LINK if kind == BARE_LINK or kind.startswith("link") else BARE


def _seconds(operation: Contestant, numbers: range) -> float:
    started = process_time()
    operation(numbers)
    return (process_time() - started) / len(numbers)


def print_table(figures: Figures, shares: dict[str, float]) -> None:
    """Ours in microseconds and as a share of the bare signature's rate; peers as multiples of ours."""
    print(f"{'CPU time of one':40}{'µs':>10}{'q1':>10}{'q3':>10}{'of bare':>10}{'ours is':>10}")
    for name, seconds in figures.items():
        low, middle, high = quantiles(seconds, n=4)
        beside = ""
        if name in PEERS:
            ratios = [each / own for each, own in zip(seconds, figures[PEERS[name]], strict=True)]
            beside = f"{median(ratios):9.1f}x"
        share = f"{shares[name]:.3f}"
        print(f"{name:48}{middle * 1e6:10.1f}{low * 1e6:10.1f}{high * 1e6:10.1f}{share:>10}{beside:>10}")


def two_threads(number: int) -> float:
    """How many times one thread's rate two of them have, passes to nowhere; the median of nine pairs."""
    maker = batch.PassMaker(
        workload.template(), apple=pw.apple.PassBuilder(workload.identity()), at=workload.NOW
    )

    def seconds(jobs: int) -> float:
        started = perf_counter()
        batch.package(maker, map(workload.row, range(1, number + 1)), jobs=jobs)
        return perf_counter() - started

    seconds(2)
    return median(seconds(1) / seconds(2) for _ in range(9))


def two_processes(number: int) -> tuple[float, float]:
    """How many times one process's rate two of them have: bare signatures, and passes to nowhere.

    What bare signatures gain is what the machine's second core is worth. Medians of 15 pairs, in turns.
    """
    maker = batch.PassMaker(
        workload.template(), apple=pw.apple.PassBuilder(workload.identity()), at=workload.NOW
    )
    sign, message = workload.identity().signer.sign, b"x" * 200
    contestants = _one_by_one(lambda _: sign(message)), _in_portions(maker)
    for made in contestants:
        made(range(64))
    pairs = [[2 * _alone(made, number) / _both(made, number) for made in contestants] for _ in range(15)]
    bare, passes = (median(ratios) for ratios in zip(*pairs, strict=True))
    return bare, passes


def _alone(made: Contestant, number: int) -> float:
    started = perf_counter()
    made(range(1, number + 1))
    return perf_counter() - started


def _both(made: Contestant, number: int) -> float:
    # Forked, so that each has its keys and its template worked out when the clock starts.
    forking = multiprocessing.get_context("fork")
    together = forking.Barrier(3)

    def work() -> None:
        together.wait()
        made(range(1, number + 1))
        together.wait()

    workers = [forking.Process(target=work) for _ in range(2)]
    for each in workers:
        each.start()
    together.wait()
    started = perf_counter()
    together.wait()
    seconds = perf_counter() - started
    for each in workers:
        each.join()
    return seconds


def main() -> int:
    """Print the table; with --check, fail where a share is below its floor."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--size", type=int, default=CHUNK, help="operations of ours in a turn")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        size = write_workload(folder)
        print(
            f"CPython {platform.python_version()}, cryptography {version('cryptography')}, "
            f"passes of {size:,} bytes, {options.rounds} rounds of {options.size}"
        )
        peers: dict[str, Peer] = {}
        for name in PEERS if not (options.no_peers or options.check) else ():
            try:
                peers[name] = stack.enter_context(peer(name, folder))
                made = peers[name]
                print(f"{name} {made.version} makes {made.size:,} bytes")
            except NotInstalled as exc:
                print(f"{name} is left out: {exc}")
        figures, beside = measure(options.rounds, options.size, peers)
    shares = {
        name: median(each / own for each, own in zip(beside[name], seconds, strict=True))
        for name, seconds in figures.items()
    }
    print_table(figures, shares)
    for ours_, by_hand in BY_HAND.items():
        ratio = median(a / b for a, b in zip(figures[by_hand], figures[ours_], strict=True))
        print(f"{ours_} has {ratio:.3f} of the rate of {by_hand}")
    if not options.check:
        print(f"two threads make {two_threads(2000):.2f} times as many passes a second as one")
        bare, passes = two_processes(1280)
        print(f"two processes make {passes:.2f} times as many passes a second as one, and {bare:.2f} times")
        print("as many bare signatures, which is what the second core is worth here and now")
    return workload.judged(shares, FLOORS) if options.check else 0


if __name__ == "__main__":
    sys.exit(main())
