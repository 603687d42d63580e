"""A report says each thing once, counts what it leaves out, and never loses an error."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passwright import errors
from passwright.errors import LinkTooLong, MissingExtra, PassRejected, TemplateRejected
from passwright.report import MAX_OF_A_KIND, Finding, Report, Severity, error, note, warning

FINDINGS = st.builds(
    Finding,
    st.sampled_from(["a", "b"]),
    st.sampled_from(Severity),
    st.integers(0, 200).map(str),
    st.just("message"),
)


def test_a_finding_is_one_line_with_place_hint_and_code() -> None:
    finding = error("bad-date", "pass#/expires", "expires has no zone", "add one")

    assert str(finding) == "error: pass#/expires: expires has no zone (add one) [bad-date]"
    assert str(warning("x", "", "all of it")) == "warning: all of it [x]"
    assert finding.as_dict() == {
        "code": "bad-date",
        "severity": "error",
        "location": "pass#/expires",
        "message": "expires has no zone",
        "hint": "add one",
    }


def test_a_report_has_parts_by_severity() -> None:
    report = Report.from_findings([note("n", "", ""), error("e", "", ""), warning("w", "", "")])

    assert [len(report), [f.code for f in report]] == [3, ["n", "e", "w"]]
    assert [[f.code for f in part] for part in (report.errors, report.warnings, report.notes)] == [
        ["e"],
        ["w"],
        ["n"],
    ]
    assert not report.ok
    assert Report.from_findings([warning("w", "", "")]).ok
    assert Report().ok


def test_what_both_say_is_said_once() -> None:
    both = Report.from_findings([error("e", "", "x"), note("n", "", "")]) + Report.from_findings(
        [error("e", "", "x")]
    )

    assert [finding.code for finding in both] == ["e", "n"]


def test_jsn_10_a_report_stays_bounded_and_says_how_much_it_leaves_out() -> None:
    report = Report.from_findings(error("wrong-type", f"x#/{n}", "is text") for n in range(10_000))

    assert len(report) == MAX_OF_A_KIND + 1
    closing = report.findings[-1]
    assert (closing.code, closing.severity) == ("more-findings", Severity.ERROR)
    assert closing.message == "9950 more findings like these: wrong-type"


@given(st.lists(FINDINGS, max_size=400))
def test_no_bound_hides_how_bad_it_is(findings: list[Finding]) -> None:
    """Many warnings never push out an error of the same code."""
    report = Report.from_findings(findings)
    severities = {finding.severity for finding in findings}

    assert {finding.severity for finding in report} == severities
    assert report.ok == (Severity.ERROR not in severities)
    places = [finding for finding in report if finding.code != "more-findings"]
    order = list(dict.fromkeys(findings))
    assert all(order.index(one) < order.index(next_) for one, next_ in pairwise(places))


@pytest.mark.parametrize(("count", "words"), [(1, "1 error:"), (2, "2 errors:")])
def test_a_refusal_counts_and_lists_its_errors(count: int, words: str) -> None:
    report = Report.from_findings(error("e", f"#{n}", "broken") for n in range(count))

    assert f"the pass was refused with {words}\nerror: #0" in str(PassRejected(report))
    assert str(TemplateRejected(report)).startswith("the template was refused")
    assert PassRejected(report).report is report


def test_every_exception_is_one_of_ours_and_says_what_it_is() -> None:
    tree = [
        value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)
    ]

    assert len(tree) > 15
    assert all(issubclass(each, errors.PasswrightError) and each.__doc__ for each in tree)
    assert all(each.__name__ in (errors.__doc__ or "") for each in tree)


def test_refusals_keep_their_facts() -> None:
    too_long = LinkTooLong(2000, 1800, {"loyaltyClass": {}, "loyaltyObject": {}})
    assert "the loyaltyClass and the loyaltyObject through the API" in str(too_long)
    assert (too_long.length, too_long.limit, list(too_long.insert)) == (
        2000,
        1800,
        ["loyaltyClass", "loyaltyObject"],
    )

    mismatch = errors.IdentityMismatch("team", expected="A", actual="B")
    assert (str(mismatch), mismatch.expected, mismatch.actual) == ("team: expected A, got B", "A", "B")

    bundle = errors.InvalidInput("bad-json", "pass.json", "this is not JSON")
    assert (str(bundle), str(errors.InvalidInput("x", "", "all"))) == ("pass.json: this is not JSON", "all")

    google = errors.GoogleError(404, "classNotFound", "no class")
    assert (str(google), google.status, google.reason) == (
        "Google answered 404 classNotFound: no class",
        404,
        "classNotFound",
    )

    assert errors.BindingError("platform_locked", "locked").code == "platform_locked"
    invalid = errors.BindingInvalid({"/binding/email": "must be text"})
    assert (invalid.code, invalid.pointers) == ("binding_invalid", {"/binding/email": "must be text"})
    step = errors.IllegalTransition("pass_nullified", "nullified", "download")
    assert (str(step), step.state, step.event) == (
        "download is not possible for a pass that is nullified",
        "nullified",
        "download",
    )
    extra = MissingExtra("cli", missing=["typer", "rich"])
    assert str(extra) == "this needs an extra (typer, rich missing): pip install 'passwright[cli]'"
    assert str(MissingExtra("push")) == "this needs an extra: pip install 'passwright[push]'"
