"""The input rules of a binding."""

import copy
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passwright import Template, apple, binding, google
from passwright.binding import Binding
from passwright.errors import BindingInvalid, PassRejected
from passwright.google.issuer import Issuer
from tests.conftest import AT

URL = "https://support.example.com/pass-help"
JANE = Binding("jane@gmail.com", URL)

# --- input rules


def url_of(length: int) -> str:
    return "https://a.example/".ljust(length, "x")


GOOD_URLS = {
    URL: URL,
    "HTTPS://a.example/x": "https://a.example/x",
    "https://A.Example": "https://a.example",
    "https://a.example:1/": "https://a.example:1/",
    "https://a.example:65535?q": "https://a.example:65535?q",
    "https://a.example/%41%e2%82%AC?q=a@b.example#top": "https://a.example/%41%e2%82%AC?q=a@b.example#top",
    "https://a.example#frag": "https://a.example#frag",
    "https://a.example/?u=https://b:c@d/": "https://a.example/?u=https://b:c@d/",
    "https://Bücher.example/Straße": "https://xn--bcher-kva.example/Straße",
    "https://xn--bcher-kva.example/": "https://xn--bcher-kva.example/",
    "https://a.example/\N{GRINNING FACE}": "https://a.example/\N{GRINNING FACE}",
    url_of(255): url_of(255),
}


@pytest.mark.parametrize(("url", "stored"), GOOD_URLS.items())
def test_a_good_url_is_stored_with_its_host_as_a_label(url: str, stored: str) -> None:
    assert binding.check_learn_more_url(url) is None
    assert binding.stored_url(url) == stored
    assert binding.stored_url(stored) == stored


def refused(url: str, word: str) -> None:
    rule = binding.check_learn_more_url(url)
    assert rule is not None
    assert rule.startswith("must ")
    assert word in rule
    with pytest.raises(BindingInvalid) as caught:
        binding.stored_url(url)
    assert caught.value.pointers == {"/binding/learnMoreUrl": rule}


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("javascript:alert(1)", "https"),
        ("data:text/html,x", "https"),
        ("http://a.example/", "https"),
        ("ftp://a.example/", "https"),
        ("https:/x", "https"),
        ("https:a.example", "https"),
        ("//a.example/", "https"),
        ("/help", "https"),
        ("a.example", "https"),
        ("", "https"),
        ("httpſ://a.example/", "https"),  # folds to s, but is none
        (" https://a.example/", "blanks"),
        ("https://a.example/ ", "blanks"),
        ("https://a.example/a b", "blanks"),
        ("ht\ttps://a.example/", "blanks"),
        ("https://a.example/\n", "blanks"),
        ("https://a.example/\r\nx", "blanks"),
        ("https://a.example/\x00", "blanks"),
        ("https://a.example/\x7f", "blanks"),
        ("https://a.example/\u00a0", "blanks"),
        ("https://a.example/\u200b", "blanks"),
        ("https://a.example/\ud800", "blanks"),
    ],
)
def test_url_01_scheme_and_hidden_characters(url: str, word: str) -> None:
    refused(url, word)


def test_url_02_length_is_counted_in_code_points_as_sent_and_as_stored() -> None:
    assert binding.check_learn_more_url(url_of(255)) is None
    refused(url_of(256), "255")
    faces = "https://a.example/" + "\N{GRINNING FACE}" * 237
    assert len(faces) == 255
    assert binding.check_learn_more_url(faces) is None
    refused(faces + "\N{GRINNING FACE}", "255")
    # ü grows to xn--tda: 1 character becomes 7.
    grows = "https://ü.example/"
    assert binding.check_learn_more_url(grows.ljust(249, "x")) is None
    refused(grows.ljust(250, "x"), "A-labels")
    refused("https://a.example/" + "x" * 10**7, "255")


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("https://user@evil.example", "user"),
        ("https://u:p@a.example/", "user"),
        ("https://good.example@evil.example", "user"),
        ("https://@a.example/", "user"),
        ("https://good.example\\@evil", "backslash"),
        ("https://good.example%40evil.example/", "hyphens"),
    ],
)
def test_url_03_user_information(url: str, word: str) -> None:
    refused(url, word)


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("https://", "host"),
        ("https:///x", "host"),
        ("https://:443/", "host"),
        ("https://?x", "host"),
        ("https://intranet/", "dot"),
        ("https://localhost/", "dot"),
        ("https://app.localhost/", "everywhere"),
        ("https://printer.local/", "everywhere"),
        ("https://vault.corp.internal/", "everywhere"),
        ("https://127.0.0.1/", "IP address"),
        ("https://2130706433/", "dot"),
        ("https://0x7f.1/", "IP address"),
        ("https://127.1/", "IP address"),
        ("https://a.example.1/", "IP address"),
        ("https://[::1]/", "IP address"),
        ("https://[::ffff:127.0.0.1]:443/", "IP address"),
        ("https://a.example./", "dot"),
        ("https://a..example/", "dot"),
        ("https://a_b.example/", "hyphens"),
        ("https://a.example:0/", "port"),
        ("https://a.example:65536/", "port"),
        ("https://a.example:/", "port"),
        ("https://a.example:٤٤٣/", "port"),
        ("https://a.example:443:443/", "port"),
        ("https://a.example:-1/", "port"),
    ],
)
def test_url_04_forms_of_the_host(url: str, word: str) -> None:
    refused(url, word)


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("https://xn--zzzzzzzz99999.example/", "A-labels"),
        ("https://ex\N{CYRILLIC SMALL LETTER A}mple.com/", "one alphabet"),
        ("https://a\N{RIGHT-TO-LEFT MARK}.example/", "invisible"),
        ("https://a\N{LEFT-TO-RIGHT ISOLATE}b.example/", "invisible"),
        ("https://a．example/", "dot"),
        ("https://a.b．example/", "read alike"),
        ("https://faß.de/", "read alike"),
    ],
)
def test_url_05_look_alike_hosts(url: str, word: str) -> None:
    refused(url, word)


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("https://a.example/..\\x", "backslash"),
        ("https://a.example/%00", "control"),
        ("https://a.example/?a=%0d%0aX:y", "control"),
        ("https://a.example/#%0D", "control"),
        ("https://a.example/%1f", "control"),
        ("https://a.example/%7F", "control"),
        ("https://a.example/%", "hexadecimal"),
        ("https://a.example/%4", "hexadecimal"),
        ("https://a.example/%zz", "hexadecimal"),
        ("https://a.example/%٤١", "hexadecimal"),
        ('https://a.example/"onclick=', '"'),
        ("https://a.example/<b>", "<"),
    ],
)
def test_url_06_tricks_of_the_path(url: str, word: str) -> None:
    refused(url, word)


@given(st.text() | st.text("a.:/@[]%0?#\\-üxn").map(lambda text: f"https://{text}"))
def test_any_text_is_a_url_or_breaks_a_rule(text: str) -> None:
    if binding.check_learn_more_url(text) is None:
        stored = binding.stored_url(text)
        assert binding.stored_url(stored) == stored
        assert len(stored) <= 255


@pytest.mark.parametrize("function", [binding.check_learn_more_url, binding.stored_url, binding.validate])
@pytest.mark.parametrize("wrong", [None, b"https://a.example/", {"email": "a@x.io"}])
def test_what_is_of_the_wrong_type_is_the_callers_mistake(
    function: Callable[[object], object], wrong: object
) -> None:
    with pytest.raises(TypeError):
        function(wrong)


def test_all_broken_members_are_named_at_once() -> None:
    assert binding.problems(JANE) == {}
    broken = Binding("jane", "http://a.example")
    assert binding.problems(broken) == {
        "/binding/email": 'must have exactly one "@"',
        "/binding/learnMoreUrl": "must be an absolute https URL",
    }
    with pytest.raises(BindingInvalid) as caught:
        binding.validate(broken)
    assert caught.value.pointers == binding.problems(broken)
    assert caught.value.code == "binding_invalid"


def test_construction_checks_nothing_and_the_check_finds_it() -> None:
    nothing = Binding(None, 7)  # type: ignore[arg-type]
    assert binding.problems(nothing) == dict.fromkeys(
        ["/binding/email", "/binding/learnMoreUrl"], "must be text"
    )
    with pytest.raises(FrozenInstanceError):
        JANE.email = "a@x.io"  # type: ignore[misc]


def test_parse_trims_the_address_and_stores_the_url() -> None:
    members = {"email": "  Jane@Gmail.com ", "learnMoreUrl": "HTTPS://Bücher.example/x"}
    before = copy.deepcopy(members)
    assert binding.parse(members) == Binding("Jane@Gmail.com", "https://xn--bcher-kva.example/x")
    assert members == before


@pytest.mark.parametrize(
    ("members", "pointers"),
    [
        (None, {"/binding"}),
        ({}, {"/binding"}),
        ([], {"/binding"}),
        ([["email", "a@x.io"]], {"/binding"}),
        ("a@x.io", {"/binding"}),
        (True, {"/binding"}),
        ({"email": "a@x.io"}, {"/binding/learnMoreUrl"}),
        ({"learnMoreUrl": URL}, {"/binding/email"}),
        ({"email": None, "learnMoreUrl": None}, {"/binding/email", "/binding/learnMoreUrl"}),
        ({"email": ["a@x.io"], "learnMoreUrl": URL}, {"/binding/email"}),
        ({"email": "a@x.io", "learnMoreUrl": URL, "mail": 1}, {"/binding"}),
        ({"email": "a@x.io", "learnMoreURL": URL}, {"/binding", "/binding/learnMoreUrl"}),
        ({"email": "a@localhost", "learnMoreUrl": URL}, {"/binding/email"}),
        ({7: 8}, {"/binding", "/binding/email", "/binding/learnMoreUrl"}),
    ],
)
def test_parse_refuses_what_is_missing_unknown_or_broken(members: object, pointers: set[str]) -> None:
    with pytest.raises(BindingInvalid) as caught:
        binding.parse(members)
    assert caught.value.pointers.keys() == pointers


def test_eml_12_neither_values_nor_names_are_echoed() -> None:
    with pytest.raises(BindingInvalid) as caught:
        binding.parse({"canary@x.io": 1, "email": "canary@@x.io", "learnMoreUrl": "http://canary.example"})
    assert "canary" not in f"{caught.value} {caught.value!r} {caught.value.pointers}"


@pytest.mark.parametrize(
    "shown", [Binding("canary@gmail.com", URL), Binding(URL, "canary@gmail.com"), Binding("canary@@", "x")]
)
def test_no_text_of_a_binding_shows_the_address(shown: Binding) -> None:
    for text in (repr(shown), str(shown), f"{shown}", repr([shown])):
        assert "canary" not in text
        assert "c***" not in text
        assert "gmail" not in text
    assert repr(JANE) == f"Binding(email=<hidden>, learn_more_url='{URL}')"


def test_bindings_travel_to_workers() -> None:
    assert pickle.loads(pickle.dumps(JANE)) == JANE


def test_an_address_that_was_purged_is_good_for_apple_alone(
    identity: apple.Identity, issuer: Issuer, club: Template
) -> None:
    """The file needs the learn-more link; a save link needs somebody to restrict it to."""
    purged = Binding(None, URL)
    assert repr(purged) == f"Binding(email=<hidden>, learn_more_url={URL!r})"
    card = club.issue("M-0001", {"fullName": "Jane Smith"}, binding=purged)
    assert apple.PassBuilder(identity).build(card, at=AT)
    report = google.PassBuilder(issuer).report(card)
    assert [(each.code, each.location) for each in report.errors] == [
        ("binding-purged", "pass#/binding/email")
    ]
    with pytest.raises(PassRejected, match="the address was purged"):
        google.PassBuilder(issuer).save_link(card, issued_at=AT)
    with pytest.raises(BindingInvalid, match="must be text"):
        binding.validate(purged)
