"""The commands put together, and the one place where exceptions become a message and an exit code."""

from __future__ import annotations

import io
import re
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from passwright import __version__
from passwright.cli import output
from passwright.cli.commands import (
    batch,
    build,
    certs,
    check,
    demo,
    doctor,
    explain,
    inspect,
    keys,
    link,
    new,
    nfc_key,
    organisations,
    schema,
    serve,
    vault,
    verify,
)
from passwright.errors import DefinitionError, InvalidInput, LinkTooLong, PasswrightError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import NoReturn

__all__ = ["app"]

# Typer brings its own copy of click in some versions and uses click in others; this is
# the class of mistakes on the command line in both.
_USAGE_ERROR: Any = typer.BadParameter.__mro__[1]

# A word in the wrong place may be what --bind was meant to get.
_ADDRESS = re.compile(r"[^\s'\"()]*@[^\s'\"()]*")

# Invalid input, as opposed to a wrong call of the command.
_FINDINGS = (InvalidInput, DefinitionError, LinkTooLong)


class _Commands(TyperGroup):
    """Ends every run by an exit code, and every expected exception in a sentence."""

    def _called(self, words: Iterable[str]) -> str:
        """The command that was called, "passwright certs check": not every exception knows it."""
        path: str = "passwright"
        command: Any = self
        for word in words:
            if (found := getattr(command, "commands", {}).get(word)) is None:
                break
            path, command = f"{path} {word}", found
        return path

    def main(self, *args: Any, **options: Any) -> NoReturn:
        for stream in (sys.stdout, sys.stderr):
            # A name of a file or a text in another alphabet must not end the command half way.
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        _plain_flags(self)
        try:
            code = super().main(*args, **{**options, "standalone_mode": False})
        except _USAGE_ERROR as exc:
            words = options.get("args", args[0] if args else None)
            path = self._called(sys.argv[1:] if words is None else words)
            said = _ADDRESS.sub("(hidden)", exc.format_message())
            output.print_failure(f"{said} ({path} --help tells more)")
            code = 2
        except typer.Abort:
            output.print_failure("stopped")
            code = 2
        except (PasswrightError, OSError) as exc:
            output.print_error(exc)
            code = 1 if isinstance(exc, _FINDINGS) else 2
        sys.exit(code if isinstance(code, int) else 0)

    def invoke(self, ctx: Any) -> Any:
        """Runs a command; Typer would end one that is stopped without a word."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Abort from None


def _plain_flags(command: Any) -> None:
    """Newer versions of Typer explain a flag as `--json <bool>`, as if it took a value."""
    for each in command.get_params(typer.Context(command)):
        if getattr(each, "is_flag", False):
            each.metavar = ""
    for below in getattr(command, "commands", {}).values():
        _plain_flags(below)


app = typer.Typer(
    name="passwright",
    cls=_Commands,
    help="One pass definition, both wallets: signed .pkpass files and Google Wallet save links.",
    epilog="Exit codes: 0 success, 1 findings of severity error, 2 usage error.",
    invoke_without_command=True,
    add_completion=False,
    rich_markup_mode="rich",
    # A traceback with local variables could show a key.
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,
)


@app.callback()
def _top(
    context: typer.Context,
    *,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> int:
    if version:
        output.print_line(f"passwright {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        # This prints the help; without Rich it would answer with it.
        context.get_help()
    return 0


app.command()(demo.demo)
app.command()(new.new)
app.command()(build.build)
app.command()(link.link)
app.command()(batch.batch)
app.command()(verify.verify)
app.command()(inspect.inspect)
app.command()(check.check)
app.command()(doctor.doctor)
app.command()(explain.explain)
app.command()(schema.schema)
app.command()(nfc_key.nfc_key)
app.command()(serve.serve)
app.add_typer(keys.app, name="keys")
app.add_typer(organisations.app, name="organisations")
app.add_typer(vault.app, name="vault")
app.add_typer(certs.app, name="certs")
