"""Many passes from a file of rows: `batch`."""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from passwright import atomic_file
from passwright import batch as many
from passwright.apple import builder as apple_builder
from passwright.cli import offline_signing, options
from passwright.cli import output as cli_output
from passwright.cli.inputs import KeyOptions, example_issuer, load_template
from passwright.errors import Interrupted, UsageError
from passwright.google import builder as google_builder
from passwright.signers.offline import AirGapSigner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor

    from passwright.signing import Signer

__all__ = ["batch"]


@dataclass(frozen=True, kw_only=True)
class _Order:
    """An order for one pass: its options and its signer, as another process needs them."""

    template: Path
    at: datetime
    passes: bool
    links: bool
    example: bool
    cert: Path | None
    intermediate: Path | None
    p12: Path | None
    account: Path | None
    email: str | None
    public_key: Path | None
    issuer_id: str | None
    restrictions: bool
    strict: bool
    signer: Signer | None
    keys: KeyOptions = field(repr=False)

    def maker(self) -> many.PassMaker:
        """Loads template and keys."""
        template = load_template(self.template)
        identity = self._identity(template) if self.passes else None
        issuer = self._issuer() if self.links else None
        return many.PassMaker(
            template,
            apple=apple_builder.PassBuilder(identity, strict=self.strict) if identity else None,
            google=google_builder.PassBuilder(issuer) if issuer else None,
            at=self.at,
        )

    def _identity(self, template: Any) -> Any:
        if self.example:
            from passwright.examples.authority import Authority

            identity = Authority.example().identity(nfc=bool(template.nfc and template.nfc.apple_key))
            return identity if self.signer is None else offline_signing.without_key(identity, self.signer)
        return self.keys.apple(
            cert=self.cert, intermediate=self.intermediate, p12=self.p12, signer=self.signer
        )

    def _issuer(self) -> Any:
        more: dict[str, Any] = {"restrictions_enabled": self.restrictions}
        if self.example:
            return example_issuer(self.issuer_id, signer=self.signer, **more)
        more |= {"email": self.email, "public_key": self.public_key, "signer": self.signer}
        return self.keys.google(account=self.account, issuer_id=self.issuer_id, **more)


def batch(
    template: options.TemplateFolder,
    rows: Annotated[
        Path,
        typer.Argument(
            metavar="ROWS",
            help="A CSV file with the columns serial and the keys of the fields, or JSON Lines (.jsonl).",
            show_default=False,
        ),
    ],
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR|FILE",
            help="The output for passes: a folder, or a .zip or .tar archive.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = None,
    links: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            help="Make save links, and write them to this file.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = None,
    jobs: Annotated[
        int, typer.Option(min=1, max=64, help="The number of passes to make in parallel.", metavar="N")
    ] = 1,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Make the passes that an earlier run has not made."),
    ] = False,
    stop: Annotated[bool, typer.Option("--stop-on-refusal", help="Stop at the first invalid row.")] = False,
    emit_tbs: Annotated[
        Path | None,
        typer.Option(
            "--emit-tbs",
            metavar="FILE.jsonl",
            help="For an offline key: write only the bytes to sign for each pass, or with --links for each "
            "link.",
            rich_help_panel=options.SIGN,
        ),
    ] = None,
    signatures: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.jsonl",
            help="The file of --emit-tbs, with a signature in each line.",
            rich_help_panel=options.SIGN,
        ),
    ] = None,
    example: options.Example = False,
    cert: options.Certificate = None,
    key: options.PassKey = None,
    intermediate: options.Intermediate = None,
    p12: options.P12 = None,
    service_account: options.Account = None,
    email: options.Email = None,
    public_key: options.PublicKey = None,
    issuer_id: options.IssuerId = None,
    password_file: options.PasswordFile = None,
    strict_keys: options.StrictKeys = False,
    restrictions_enabled: options.Restrictions = False,
    strict: options.Strict = False,
    as_json: options.Json = False,
) -> int:
    """Make a pass from each row: .pkpass files, save links, or both.

    A ledger next to the output lets an interrupted run continue with --resume. Invalid rows are
    listed in a file next to the output, and the other rows are made.
    """
    order = _Order(
        template=template, at=datetime.now(UTC).replace(microsecond=0),
        passes=out is not None or (emit_tbs is not None and links is None), links=links is not None,
        example=example, cert=cert, intermediate=intermediate, p12=p12, account=service_account, email=email,
        public_key=public_key, issuer_id=issuer_id,
        restrictions=restrictions_enabled, strict=strict, signer=None,
        keys=KeyOptions(key=key, password_file=password_file, strict=strict_keys),
    )  # fmt: skip
    if emit_tbs is not None or signatures is not None:
        if emit_tbs is not None and (out is not None or signatures is not None):
            raise UsageError("--emit-tbs goes without --out and --signatures")
        if out is not None and links is not None:
            raise UsageError(
                "one key signs passes and another one links: --signatures goes with one of the two"
            )
        if emit_tbs is not None:
            return _emit(emit_tbs, replace(order, signer=AirGapSigner()), rows, as_json=as_json)
        assert signatures is not None  # noqa: S101 -- one of the two is given
        at, signed = offline_signing.signatures(signatures)
        order = replace(order, at=at, signer=AirGapSigner(signed))
    target = out or links
    if target is None:
        raise UsageError("nothing to make: --out for passes, --links for save links, or both")
    output = _output(out)
    ledger_path = target.with_name(f"{target.name}.ledger")
    if ledger_path.exists() and not resume:
        raise UsageError(f"{ledger_path}: an earlier run was here: add --resume, or choose another output")
    with ExitStack() as stack:
        stack.enter_context(_resumable())
        ledger = many.Ledger(ledger_path)
        stack.callback(ledger.close)
        if ledger.at:
            order = replace(order, at=datetime.fromisoformat(ledger.at))
        maker = order.maker()
        cli_output.print_findings(order.keys.found)
        how, executor = _pool(maker, order, jobs)
        if executor is not None:
            stack.enter_context(executor)
        tell = stack.enter_context(_bar(rows, quiet=as_json))
        summary = many.package(
            how, _rows(rows), output, links=many.Links(links) if links else None, ledger=ledger, jobs=jobs,
            executor=executor, stop_on_rejection=stop, progress=tell,
        )  # fmt: skip
        refused = _list_refused(ledger, target.with_name(f"{target.name}.refused.jsonl"))
        required = _list_required(ledger, target.with_name(f"{target.name}.requires.json"))
    _report(target, summary.progress, refused, required, as_json=as_json)
    return 0 if summary.ok else 1


@contextmanager
def _resumable() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted("stopped: the same command with --resume makes the rest") from None


def _emit(path: Path, order: _Order, rows: Path, *, as_json: bool) -> int:
    """Writes what has to be signed for each row."""
    maker = order.maker()
    cli_output.print_findings(order.keys.found)
    written, refused = offline_signing.write_orders(path, maker, _rows(rows))
    if as_json:
        cli_output.print_document(
            {"file": str(path), "to_sign": written, "refused_file": str(refused) if refused else None}
        )
        return 1 if refused else 0
    out = cli_output.console()
    what, one, several = ("--links", "link", "links") if order.links else ("--out", "pass", "passes")
    number = f"1 {one}" if written == 1 else f"{written:,} {several}"
    out.print(f"{cli_output.safe_text(path)}: what has to be signed for {number}")
    out.print(f"Add a signature to each line, then the same command with --signatures and {what}")
    if refused:
        out.print(f"Some rows were refused, with the reasons in {cli_output.safe_text(refused)}")
    return 1 if refused else 0


def _output(out: Path | None) -> many.Output:
    if out is None:
        return many.Discard()
    kinds: dict[str, Callable[[Path], many.Output]] = {".zip": many.Zip, ".tar": many.Tar, "": many.Folder}
    if out.suffix not in kinds:
        raise UsageError(f"--out {out}: passes go into a .zip, a .tar, or a folder, whose name has no dot")
    return kinds[out.suffix](out)


def _pool(maker: many.PassMaker, order: _Order, jobs: int) -> tuple[Any, Executor | None]:
    """Threads where signing lets go of the interpreter long enough, as RSA does; processes elsewhere."""
    if jobs == 1 or maker.signs_slowly or order.signer is not None:
        return maker, None
    return partial(_Order.maker, order), ProcessPoolExecutor(jobs)


def _rows(path: Path) -> Iterator[many.Row]:
    if path == Path("-"):
        import sys

        return many.read_csv(sys.stdin.buffer)
    return many.read(path)


@contextmanager
def _bar(rows: Path, *, quiet: bool) -> Iterator[Callable[[many.Progress], object] | None]:
    """A bar with rate and time left on a terminal; nothing elsewhere."""
    console = cli_output.console(err=True)
    if quiet or not console.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=_count(rows), rate="")
        yield lambda listed_rows: bar.update(
            task, completed=listed_rows.rows, rate=f"{listed_rows.rate:,.0f} passes/s"
        )


def _count(rows: Path) -> int | None:
    """Returns the number of lines, if they can be counted before the rows are read."""
    if not rows.is_file():
        return None
    with rows.open("rb") as file:
        lines = sum(piece.count(b"\n") for piece in iter(partial(file.read, 2**20), b""))
    return lines if rows.suffix in (".jsonl", ".ndjson") else lines - 1


def _list_refused(ledger: many.Ledger, path: Path) -> Path | None:
    """The rows that were refused, one JSON document a line; an old list is replaced or taken away."""
    lines = [json.dumps(each, ensure_ascii=False) for each in ledger.rejected_rows()]
    if not lines:
        path.unlink(missing_ok=True)
        return None
    atomic_file.write(path, "".join(f"{line}\n" for line in lines).encode())
    return path


def _list_required(ledger: many.Ledger, path: Path) -> Path | None:
    """Writes the resources to insert at Google before the links work."""
    wanted: dict[str, list[Any]] = {}
    for type_, resource in ledger.required_resources():
        wanted.setdefault(type_, []).append(json.loads(resource))
    if not wanted:
        return None
    atomic_file.write(path, json.dumps(wanted, ensure_ascii=False, indent=2).encode())
    return path


def _report(
    target: Path, listed_rows: many.Progress, refused: Path | None, required: Path | None, *, as_json: bool
) -> None:
    if as_json:
        cli_output.print_document(
            {
                "out": str(target),
                "rows": listed_rows.rows,
                "made": listed_rows.made,
                "refused": listed_rows.refused,
                "skipped": listed_rows.skipped,
                "bytes": listed_rows.bytes,
                "seconds": round(listed_rows.seconds, 3),
                "refused_file": str(refused) if refused else None,
                "requires_file": str(required) if required else None,
            }
        )
        return
    out = cli_output.console()
    there = f", {listed_rows.skipped:,} were there already" if listed_rows.skipped else ""
    rate = f" in {listed_rows.seconds:.1f} s, {listed_rows.rate:,.0f} a second" if listed_rows.made else ""
    made = "1 pass" if listed_rows.made == 1 else f"{listed_rows.made:,} passes"
    out.print(f"{cli_output.safe_text(target)}: {made}{rate}{there}")
    if required:
        out.print(f"Insert first, or the links show nothing: {cli_output.safe_text(required)}")
    if refused:
        rows = "1 row" if listed_rows.refused == 1 else f"{listed_rows.refused:,} rows"
        out.print(
            f"{rows} refused, with the reasons in {cli_output.safe_text(refused)}; mend them, then --resume"
        )
