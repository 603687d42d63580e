"""The examples in the docstrings of modules run, over the names of their module and a few more."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import shutil
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from google.auth.transport.requests import AuthorizedSession

import passwright as pw
from passwright.apple.trust.https import https_get
from passwright.google.api.client import Client
from passwright.signers.iam import GoogleIamSigner
from passwright.testing.fakes.google import FakeGoogle
from tests.conftest import ACCOUNT
from tests.keys import rsa_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from passwright.examples.authority import Authority

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src"
# Indented lines between blank ones.
BLOCK = re.compile(r"(?<=\n\n)(?:    .*\n|\n(?=    ))+", re.MULTILINE)
# docs/store.md runs this one, with fewer passes.
ELSEWHERE = {"passwright.testing.store_contract"}
CSV = "serial,fullName\nM-1,Jane Smith\nM-2,John Smith\n"


def examples() -> Iterator[tuple[str, str]]:
    """Yields each module and the Python in its docstring that calls or imports something."""
    for path in sorted(SOURCE.rglob("*.py")):
        text = inspect.cleandoc(ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "")
        module = ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
        for block in BLOCK.findall(f"{text}\n"):
            code = textwrap.dedent(block)
            if module not in ELSEWHERE and is_program(code):
                yield module, code


def is_program(code: str) -> bool:
    """Returns whether a block is Python that does something, not JSON, TOML or a list."""
    try:
        nodes = list(ast.walk(ast.parse(code)))
    except SyntaxError:
        return False
    return any(isinstance(node, (ast.Call, ast.ImportFrom)) for node in nodes)


EXAMPLES = list(examples())


def test_the_search_finds_examples() -> None:
    assert {"passwright", "passwright.batch", "passwright.google.api.client"} <= {
        name for name, _ in EXAMPLES
    }
    assert len(EXAMPLES) >= 9


@pytest.fixture
def context(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    wallet_authority: Authority,
    google_issuer: pw.google.Issuer,
    unbound_pass: pw.Pass,
) -> Iterator[dict[str, Any]]:
    """The names that examples leave to their reader, and a folder with the files they name."""
    shutil.copytree(ROOT / "fixtures" / "templates" / "membership", tmp_path / "coffee-club")
    (tmp_path / "members.csv").write_text(CSV, "utf-8")
    monkeypatch.chdir(tmp_path)
    identity = wallet_authority.identity(nfc=True)
    data = pw.apple.PassBuilder(identity).build(unbound_pass)
    with FakeGoogle() as fake:
        # An example names no address, and would reach the real Google.
        defaults = Client.__init__.__kwdefaults__ or {}
        monkeypatch.setattr(Client.__init__, "__kwdefaults__", {**defaults, "base": fake.base})
        yield {
            "ACCOUNT": ACCOUNT,
            "GoogleIamSigner": GoogleIamSigner,
            "authority": wallet_authority,
            "card": unbound_pass,
            "data": fake.service_account,
            "https_get": https_get,
            "identity": identity,
            "issuer": google_issuer,
            "key": rsa_key(),
            "link": pw.google.PassBuilder(fake.issuer).save_link(unbound_pass),
            "options": {"challenge": "AAAA", "rp": {"id": "passes.example.com"}, "user": {"id": "AAAA"}},
            "our_builder": lambda: data,
            "pw": pw,
            "session": AuthorizedSession(None),  # type: ignore[no-untyped-call]
        }


@pytest.mark.parametrize(("module", "code"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_the_example_of_a_docstring_runs(module: str, code: str, context: dict[str, Any]) -> None:
    """A test that an example defines is called."""
    names = {**vars(importlib.import_module(module)), **context}
    before = set(names)
    exec(code, names)
    for name in names.keys() - before:
        if name.startswith("test_"):
            names[name]()
