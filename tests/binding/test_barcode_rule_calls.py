"""Every call of the barcode rule is needed: without it something bound would leave with a code."""

from __future__ import annotations

import ast
import importlib
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import passwright
from passwright import Barcode, apple, google
from passwright.binding import lifecycle, rules
from passwright.errors import BindingError, PassRejected
from passwright.report import Report, error
from passwright.service.rendering import has_barcode
from tests.conftest import AT, BINDING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from passwright import Template
    from passwright.apple.identity import Identity
    from passwright.google.issuer import Issuer

SOURCE = Path(passwright.__file__).parent
NAME = rules.forbid_barcode.__name__


@dataclass(frozen=True)
class Tools:
    """What a scenario is played with. Builders are new each time: what they judge once they keep."""

    club: Template
    identity: Identity
    issuer: Issuer

    def issue(self, **given: Any) -> Any:
        template = replace(self.club, barcode=Barcode()) if given.pop("code", False) else self.club
        return template.issue("M-1", {"fullName": "Jane"}, binding=BINDING, **given)


@pytest.fixture(scope="module")
def tools(club: Template, identity: Identity, issuer: Issuer) -> Tools:
    return Tools(club, identity, issuer)


def definition_for_apple(tools: Tools) -> Report:
    """The override would take the code out again, but a builder refuses and never strips."""
    return apple.PassBuilder(tools.identity).report(tools.issue(code=True, apple={"barcodes": None}))


def definition_for_google(tools: Tools) -> Report:
    return google.PassBuilder(tools.issuer).report(
        tools.issue(code=True, google={"object": {"barcode": None}})
    )


def definition(tools: Tools) -> Report:
    """One call serves both wallets, so both refuse, or neither."""
    for_apple, for_google = definition_for_apple(tools), definition_for_google(tools)
    assert refused(for_apple) is refused(for_google)
    return for_apple


def finished_pass_json(tools: Tools) -> Report:
    code = {"format": "PKBarcodeFormatQR", "message": "M-1", "messageEncoding": "iso-8859-1"}
    return apple.PassBuilder(tools.identity).report(tools.issue(apple={"barcodes": [code]}))


def finished_object(tools: Tools) -> Report:
    code = {"rotatingBarcode": {"type": "QR_CODE"}}
    return google.PassBuilder(tools.issuer).report(tools.issue(google={"object": code}))


def object_stored_by_google(tools: Tools) -> Report:
    """A link by id shows neither restriction nor code: both are looked for in what Google holds."""
    builder, pass_ = google.PassBuilder(tools.issuer), tools.issue()
    _, stored = builder.payload(pass_)
    stored = {**stored, "barcode": {"type": "QR_CODE", "value": "M-1"}}
    try:
        link = builder.save_link(pass_, issued_at=AT, inserted=("class", "object"), stored_object=stored)
    except PassRejected as refused:
        return refused.report
    return link.report


def request_to_the_service(tools: Tools) -> Report:
    """Without it the service would create the pass, and only its holder would find out."""
    wanted = lifecycle.Create(BINDING, has_barcode=has_barcode(tools.issue(code=True)))
    try:
        lifecycle.advance(None, wanted, at=AT)
    except BindingError as conflict:
        return Report.from_findings([error("binding-forbids-barcode", "pass#/barcode", str(conflict))])
    return Report.from_findings(())


# Call (module, function it stands in) -> what only this call catches.
SCENARIOS: dict[tuple[str, str], Callable[[Tools], Report]] = {
    ("passwright.documents.compiled_template", "PassRenderer.render"): definition,
    ("passwright.apple.rules.pass_json", "_forbid_barcode"): finished_pass_json,
    ("passwright.google.rules.payload", "_forbid_barcode.<locals>.check"): finished_object,
    ("passwright.google.builder", "_check_stored"): object_stored_by_google,
    ("passwright.service.rendering", "has_barcode"): request_to_the_service,
}


def call_sites() -> Iterator[tuple[str, str]]:
    """Every call of the rule in the package, found on the syntax tree."""
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE.parent).with_suffix("").parts
        module = ".".join(part for part in parts if part != "__init__")
        yield from ((module, where) for where in calls_in(ast.parse(path.read_text("utf-8")), ""))


def calls_in(node: ast.AST, where: str) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Name) and child.id == NAME:
            yield where
        if isinstance(child, ast.Attribute) and child.attr == NAME:
            pytest.fail("import the rule by its name, so that this test can find its calls")
        if isinstance(child, ast.ClassDef):
            yield from calls_in(child, f"{where}{child.name}.")
        elif isinstance(child, ast.FunctionDef):
            own = f"{where}{child.name}"
            yield from (
                found if found != f"{own}.<locals>." else own for found in calls_in(child, f"{own}.<locals>.")
            )
        else:
            yield from calls_in(child, where)


def disable(monkeypatch: pytest.MonkeyPatch, *, sites: set[tuple[str, str]]) -> None:
    """Let the rule say nothing to these callers."""

    def rule(*args: Any, **settings: Any) -> Any:
        caller = sys._getframe(1)
        if (caller.f_globals["__name__"], caller.f_code.co_qualname) in sites:
            return ()
        return rules.forbid_barcode(*args, **settings)

    for module in {module for module, _ in sites}:
        monkeypatch.setattr(importlib.import_module(module), NAME, rule)


def refused(report: Report) -> bool:
    return any(finding.code == "binding-forbids-barcode" for finding in report.errors)


def test_every_call_of_the_rule_has_its_scenario() -> None:
    """A new call needs a new scenario, and a call that was dropped leaves one without its call."""
    assert sorted(call_sites()) == sorted(SCENARIOS)


@pytest.mark.parametrize("site", SCENARIOS, ids=lambda site: site[0].partition(".")[2] + "-" + site[1])
def test_what_a_call_catches_nothing_else_catches(
    tools: Tools, monkeypatch: pytest.MonkeyPatch, site: tuple[str, str]
) -> None:
    scenario = SCENARIOS[site]
    assert refused(scenario(tools))

    with monkeypatch.context() as patch:
        disable(patch, sites=SCENARIOS.keys() - {site})
        assert refused(scenario(tools)), "it is this call that catches it"
    with monkeypatch.context() as patch:
        disable(patch, sites={site})
        assert not refused(scenario(tools)), "without this call the code would be let through"
