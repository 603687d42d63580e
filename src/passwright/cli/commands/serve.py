"""The issuing service: `serve`."""

from __future__ import annotations

import socket
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from passwright.cli import output, service_setup
from passwright.cli.service_setup import Config, Database, Example  # noqa: TC001 -- Typer reads annotations
from passwright.errors import UsageError
from passwright.examples.authority import EXAMPLE_TEMPLATES, example_template_directory

if TYPE_CHECKING:
    from passwright.service.context import ServiceContext
    from passwright.service.settings import Settings

__all__ = ["serve"]

HTTP_PORT = 80
LOOPBACK = ("localhost", "127.0.0.1", "::1")
EXAMPLE_NAME = "Passwright Example"
LEARN_MORE = "https://support.example.com/pass-help"


def serve(
    *,
    config: Config = None,
    database: Database = None,
    example: Example = False,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            min=0,
            max=65535,
            help="The port to listen on. Default: the port of a base URL on localhost, else 8000.",
            show_default=False,
        ),
    ] = None,
    base_url: Annotated[
        str | None,
        typer.Option(
            "--base-url",
            metavar="URL",
            help=(
                "The address of the service for holders: https://HOST. Overrides --config. "
                "Default with --example: this machine."
            ),
            show_default=False,
        ),
    ] = None,
) -> int:
    """Run the issuing service: a JSON API for your backend, and a page for each holder.

    The log goes to standard error: text on a terminal, otherwise JSON. The service stops at
    Ctrl+C or a termination signal, after the running requests.
    """
    service_setup.check_extra()
    from passwright.service.web import logging
    from passwright.service.web.app import create_app
    from passwright.service.web.server import Server

    if port is None:
        found = service_setup.load_settings(config, database, example=example, base_url=base_url)
        port = _local_port(found) or service_setup.PORT
    with _listening(host, port) as listening:
        port = listening.getsockname()[1]
        found = service_setup.load_settings(config, database, example=example, base_url=base_url, port=port)
        _check_port(found, host, port)
        logging.configure(sys.stderr, plain=sys.stderr.isatty())
        with service_setup.service_context(found) as opened:
            if example:
                _print_example(found, _example(opened), host)
            elif sys.stdout.isatty():
                _print_address(found, host, port)
            Server(create_app(opened, found), host=host, port=port).run([listening])
    return 0


def _listening(host: str, port: int) -> socket.socket:
    """The socket, before anything else is done: a second service must not touch the first one's files."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, *_, address = found[0]
        # Clients that hammer a page wait in the queue rather than fail.
        return socket.create_server(address[:2], family=family, backlog=1024)
    except socket.gaierror:
        raise UsageError(f"--host {host}: there is no such address on this machine") from None
    except OSError as exc:
        raise UsageError(f"can't listen on {host}, port {port}: {exc.strerror}; use another --port") from None


def _local_port(found: Settings) -> int | None:
    """The port of a base URL that leads to this machine; None for one of a proxy."""
    parts = urlsplit(found.base_url)
    return (parts.port or HTTP_PORT) if parts.scheme == "http" else None


def _check_port(found: Settings, host: str, port: int) -> None:
    """Asks whether links lead to where the service listens, if only this machine can reach it.

    Raises:
        UsageError: they lead to another port.
    """
    linked = _local_port(found)
    if host in LOOPBACK and linked not in (None, port):
        raise UsageError(
            f"the service would listen on port {port}, but links lead to {found.base_url}: "
            f"leave --port out, or change base_url to http://localhost:{port}"
        )


def _print_address(found: Settings, host: str, port: int) -> None:
    output.print_line(f"Passwright listens on http://{host}:{port} for {found.base_url}")
    output.print_line(f"Passes are kept in {found.database}. Ctrl+C stops it.")


# --- the example ----------------------------------------------------------------


def _example(opened: ServiceContext) -> tuple[str, str]:
    """A new key of the example's organisation, and the id of its membership template."""
    from passwright.service import api_keys

    at = datetime.now(UTC)
    known = [each for each, _ in api_keys.list_api_keys(opened) if each.name == EXAMPLE_NAME]
    organisation = known[0] if known else api_keys.new_organisation(opened, EXAMPLE_NAME)
    text, _ = api_keys.add(opened, organisation.id, "example", at=at)
    return text, _membership(opened, organisation.id, at)


def _membership(opened: ServiceContext, organisation: str, at: datetime) -> str:
    """The id of the membership template; at the first start all sample templates are brought in."""
    from passwright.service import templates
    from passwright.service.store.protocol import Page

    kept, _ = templates.list_templates(opened, organisation, Page(1, 100))
    found = {each.kind: each.id for each in reversed(kept)}
    for kind in EXAMPLE_TEMPLATES:
        if kind not in found:
            root = example_template_directory(kind)
            files = {
                path.relative_to(root).as_posix(): path.read_bytes()
                for path in root.rglob("*")
                if path.is_file()
            }
            found[kind] = templates.add(opened, organisation, files, at=at)[0].id
    return found["loyalty"]


def _print_example(found: Settings, made: tuple[str, str], host: str) -> None:
    key, template = made
    here = found.base_url
    for line in (
        f"Passwright serves the example at {here}",
        f"Passes are kept in {found.database.removeprefix('sqlite:///')}",
        "",
        "The key of the API, shown this once, and the membership template:",
        "",
        f"  export KEY={key}",
        f"  export TEMPLATE={template}",
        "",
        "A pass that is bound to one person:",
        "",
        f'  curl "{here}/api/v1/passes?passTemplate=$TEMPLATE" \\',
        '    -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" \\',
        '    -d \'{"pass": {"fullName": {"value": "Jane Smith"}},',
        f'         "binding": {{"email": "jane@gmail.com", "learnMoreUrl": "{LEARN_MORE}"}}}}\'',
        "",
        "Open downloadUrl of the answer in a browser. Ctrl+C stops the service.",
        "Everybody has the keys that sign here: no wallet takes these passes.",
        "",
    ):
        output.print_line(line)
    if host not in LOOPBACK:
        output.print_failure(f"{host} is open to others, and so is everything the example signs")
    sys.stdout.flush()
