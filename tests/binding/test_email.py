"""The holder's address: what is accepted, what is shown, what is hashed."""

import hashlib
import json
import shutil
import subprocess
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passwright.binding import email as binding_email
from passwright.binding.domain import ascii_domain
from passwright.errors import BindingInvalid

Policy = str | Callable[[str], str]

EXAMPLE = "31c5543c1734d25c7206f5fd591525d0295bec6fe84ff82f946a34fe970a1e66"
USER = "02ee7bdc4ccf5c94808a0118eb531822f13e7e38e3810ab29ebefb2c2feb8e58"
JANEDOE_GMAIL = "d6117306485ed0e50afab3ac871e98f81699151f30281527d63ff5f233656c69"
JANE_DOE_GMAIL = "831f6494ad6be4fcb3a724c3d5fef22d3ceffa3c62ef3a7984e45a0ea177f982"
JANEDOE_GOOGLEMAIL = "338abf9ef1c8793cadc7bcf51ed595338eb727ed9e06ce3d91d566d60b975937"
JANE_DOE_GOOGLEMAIL = "9c2764e1af636435a4bcf2a98733aeb0e027d6e78855043310150e99d73d3440"
JANEDOE_EXAMPLE = "c4d25e9c90ff23e9145397bc6fbd5385ca5fbe78211222ccbecd0b369ebb19a6"
JANE_DOE_EXAMPLE = "86e0b9e56c17cc4d12387e1949b85053fbe73bc3ce5a1188713a9d300cc6133d"
BUECHER = "db62323f2a86b51f9d021453bd387057b7d94e487e1ca0bc112fcff7f9784b22"

# address -> (gmail, literal, literal_tag, lower)
HASHES = {
    "example@example.com": (EXAMPLE,) * 4,
    "Example@example.com": (EXAMPLE,) * 4,
    "user@gmail.com": (USER,) * 4,
    "jane.doe@gmail.com": (JANEDOE_GMAIL, JANEDOE_GMAIL, JANEDOE_GMAIL, JANE_DOE_GMAIL),
    "Jane.Doe+tickets@gmail.com": (
        JANEDOE_GMAIL,
        "d02efe66595495e4417487cd25d95d4d021eb12c462eb269193872cd6bb07155",
        JANEDOE_GMAIL,
        "e7f5ce43dfd553684523963208fd8ea1c17a671a8997665e2c026bd1dba2e58d",
    ),
    "jane.doe@googlemail.com": (
        JANEDOE_GOOGLEMAIL,
        JANEDOE_GOOGLEMAIL,
        JANEDOE_GOOGLEMAIL,
        JANE_DOE_GOOGLEMAIL,
    ),
    "jane.doe@example.com": (JANE_DOE_EXAMPLE, JANEDOE_EXAMPLE, JANEDOE_EXAMPLE, JANE_DOE_EXAMPLE),
    "jane.doe+tickets@example.com": (
        "5503bb1ec01dc79fce82006420d26590e5ab611e4a5aa497d2c352171d6d9bc4",
        "b5be23268de227d6a63f3fcc64d5ce982f1a05be9360eda977b47ca8ee6e7404",
        JANEDOE_EXAMPLE,
        "5503bb1ec01dc79fce82006420d26590e5ab611e4a5aa497d2c352171d6d9bc4",
    ),
    "user@bücher.example": (BUECHER,) * 4,
}
NAMES = ("gmail", "literal", "literal_tag", "lower")

# SHA-256 of example@examplecom, which no reading of Google's text may give.
DOT_OF_THE_DOMAIN_GONE = "e703a2e8384fb50d66f8548542be6a515597b170d54b3a470ca1a8580cad7c87"

LONGEST_DOMAIN = ".".join(["d" * 63, "d" * 63, "d" * 58, "com"])  # 190 characters


@pytest.mark.parametrize(
    "email",
    [
        "user@gmail.com",
        "a@x.io",
        "  jane@x.io\t",
        "!#$%&'*+-/=?^_`{|}~@x.io",
        "Ünal@bücher.example",
        "用户@例え.jp",
        "\N{GRINNING FACE}@x.io",
        "a@xn--bcher-kva.example",
        "a@пример.рф",
        "a@עברית.example",
        "a@مثال٢.example",  # ends in an Arabic digit
        "a@कखग.example",
        "a@한국kr.example",
        "a@x-1.co",
        "a" * 64 + "@x.io",
        "a" * 63 + "@" + LONGEST_DOMAIN,
    ],
)
def test_ordinary_addresses_are_fine(email: str) -> None:
    assert binding_email.problem(email) is None
    assert binding_email.clean(email) == email.strip()


# address -> a word of the rule it breaks
BROKEN = {
    "": "exactly one",
    "a": "exactly one",
    "@x.io": "1 to 64",
    "a" * 65 + "@x.io": "1 to 64",
    "a" * 64 + "@" + LONGEST_DOMAIN: "254",
    "a" * 300: "254",
    "a" * 20 + "@" + "丁力馬語鳥龥漢字." * 8 + "com": "254",  # 264 as A-labels
    ".a@x.io": "dot",
    "a.@x.io": "dot",
    "a..b@x.io": "dot",
    "a@localhost": "dot in it",
    "a@x_y.io": "hyphens",
    "a@-x.io": "hyphens",
    "a@x-.io": "hyphens",
    "a@" + "d" * 64 + ".io": "63",
    "a@" + "ü" * 61 + ".io": "63",
    "a@1.2.3.4": "IP address",
    "a@x.2130706433": "IP address",
    "\u0301a@x.io": "combining",
}


@pytest.mark.parametrize(("email", "word"), BROKEN.items())
def test_a_broken_rule_is_told(email: str, word: str) -> None:
    rule = binding_email.problem(email)
    assert rule is not None
    assert rule.startswith("must ")
    assert word in rule


@pytest.mark.parametrize(
    "email",
    [
        "a@x.io\n",
        "a@x.io\r\nBcc: b@x.io",
        "\na@x.io",
        "a\x00@x.io",
        "a@x.io,b@x.io",
        "a@b@x.io",
        "a@x.io;b@x.io",
        "a(comment)@x.io",
        "Jane <a@x.io>",
        '"j d"@example.com',
        '"a@b"@example.com',
        "a@[127.0.0.1]",
        "a@[IPv6:::1]",
        "a@x.io.",
        "j d@x.io",
        "a @x.io",
        "a\N{ZERO WIDTH SPACE}b@x.io",
        "a\N{ZERO WIDTH JOINER}b@x.io",
        "a\N{NO-BREAK SPACE}@x.io",
        "a\N{RIGHT-TO-LEFT OVERRIDE}b@x.io",
        "a\N{HANGUL FILLER}@x.io",
        "a\N{VARIATION SELECTOR-16}@x.io",
        "a\N{LINE SEPARATOR}@x.io",
        "a\ud800@x.io",
        "a\ue000@x.io",
        "a\u0378@x.io",  # assigned to nothing
        "a\N{GREEK QUESTION MARK}b@x.io",  # NFC makes a semicolon of it
        "mailto:a@x.io",
    ],
)
def test_eml_03_injection_into_headers_and_lists(email: str) -> None:
    assert binding_email.problem(email)
    with pytest.raises(BindingInvalid):
        binding_email.sha256(email)


@pytest.mark.parametrize(("email", "expected"), HASHES.items())
def test_every_policy_gives_its_published_hash(email: str, expected: tuple[str, ...]) -> None:
    assert tuple(binding_email.sha256(email, policy=name) for name in NAMES) == expected
    assert binding_email.sha256(email) == expected[0]


def test_verbatim_gives_both_hashes_google_publishes() -> None:
    upper = "bc34f262c93ad7122763684ccea6f07fb7f5d8a2d11e60ce15a6f43fe70ce632"
    assert binding_email.sha256("Example@example.com", policy="verbatim") == upper
    assert binding_email.sha256("example@example.com", policy="verbatim") == EXAMPLE


def test_no_policy_removes_the_dot_of_the_domain() -> None:
    assert hashlib.sha256(b"example@examplecom").hexdigest() == DOT_OF_THE_DOMAIN_GONE
    for name in binding_email.POLICIES:
        assert binding_email.sha256("example@example.com", policy=name) != DOT_OF_THE_DOMAIN_GONE


@pytest.mark.foreign("openssl")
@pytest.mark.parametrize(("email", "name"), [(email, name) for email in HASHES for name in NAMES])
def test_openssl_hashes_the_normal_form_alike(email: str, name: str) -> None:
    form = binding_email.normalise(email, name)
    run = subprocess.run(
        ["openssl", "dgst", "-sha256", "-r"], input=form.encode(), capture_output=True, check=True
    )
    assert run.stdout.split()[0].decode() == binding_email.sha256(email, policy=name)


@pytest.mark.parametrize(
    ("email", "policy", "form"),
    [
        ("  Jane.Doe+x+y@GMail.com ", "gmail", "janedoe@gmail.com"),
        ("J.D+x@GoogleMail.COM", "gmail", "jd@googlemail.com"),
        ("J.D+x@mail.gmail.com", "gmail", "j.d+x@mail.gmail.com"),
        ("J.D+x.y@Example.com", "literal", "jdxy@example.com"),
        ("J.D+x.y@Example.com", "literal_tag", "jd@example.com"),
        ("J.D+x.y@Example.com", "lower", "j.d+x.y@example.com"),
        ("  J.D@BÜCHER.example ", "verbatim", "  J.D@BÜCHER.example "),
        ("a@BÜCHER.example", "lower", "a@xn--bcher-kva.example"),
        ("a@Bu\u0308cher.example", "lower", "a@xn--bcher-kva.example"),
        ("A@x.io", str.swapcase, "a@X.IO"),
        (" Jane@bu\u0308cher.example ", lambda text: text, "Jane@bücher.example"),
    ],
)
def test_normal_forms(email: str, policy: Policy, form: str) -> None:
    assert binding_email.normalise(email, policy) == form


def test_googlemail_is_gmail_only_when_asked() -> None:
    for name in NAMES:
        mapped = binding_email.sha256("jane.doe@googlemail.com", policy=name, map_googlemail=True)
        assert mapped == binding_email.sha256("jane.doe@gmail.com", policy=name)
        assert mapped != binding_email.sha256("jane.doe@googlemail.com", policy=name)
    assert binding_email.normalise("a@example.com", map_googlemail=True) == "a@example.com"


@pytest.mark.parametrize("policy", ["verbatim", str.lower])
def test_googlemail_is_not_mapped_by_a_policy_that_leaves_the_domain_alone(policy: Policy) -> None:
    with pytest.raises(ValueError, match="map_googlemail"):
        binding_email.sha256("a@googlemail.com", policy=policy, map_googlemail=True)


def test_policies_that_do_not_exist_are_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="gmail, literal, literal_tag, lower, verbatim"):
        binding_email.sha256("a@x.io", policy="Gmail")
    with pytest.raises(TypeError):
        binding_email.sha256("a@x.io", policy=None)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        binding_email.sha256("a@x.io", policy=lambda _: b"a@x.io")  # type: ignore[arg-type,return-value]
    with pytest.raises(TypeError):
        binding_email.POLICIES["mine"] = binding_email.Policy()  # type: ignore[index]


@pytest.mark.parametrize(
    ("email", "policy"),
    [
        ("+tag@gmail.com", "gmail"),
        ("+@x.io", "literal"),
        ("+a@x.io", "literal_tag"),
        ("a@x.io", lambda _: "x"),
    ],
)
def test_a_local_part_of_which_nothing_is_left_is_refused(email: str, policy: Policy) -> None:
    """Or all such addresses would share one hash."""
    with pytest.raises(BindingInvalid, match="leaves something"):
        binding_email.sha256(email, policy=policy)


@pytest.mark.parametrize(
    "local",
    [
        "ｊane",  # full-width j
        "ja\N{LATIN SMALL LETTER LONG S}on",
        "d\N{LATIN SMALL LETTER DOTLESS I}ana",
        "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}pek",
        "gro\N{LATIN SMALL LETTER SHARP S}",
        "Ünal",
        "U\u0308nal",
        "j\N{CYRILLIC SMALL LETTER A}ne",
        "\N{GRINNING FACE}",
    ],
)
@pytest.mark.parametrize("policy", [*binding_email.POLICIES, str.lower])
def test_eml_01_a_local_part_that_stays_outside_ascii_is_not_hashed(local: str, policy: Policy) -> None:
    email = f"{local}@gmail.com"
    assert binding_email.problem(email) is None
    with pytest.raises(BindingInvalid, match="ASCII") as caught:
        binding_email.sha256(email, policy=policy)
    assert caught.value.pointers.keys() == {"/binding/email"}


def test_eml_01_spellings_of_one_account_give_one_hash() -> None:
    spellings = ["janedoe", "JaneDoe", "jane.doe", "j.a.n.e.doe", "JANE.DOE+x", "janedoe+x+y", " janedoe"]
    assert len({binding_email.sha256(f"{local}@gmail.com") for local in spellings}) == 1
    # NFC itself turns the Kelvin sign into K: one spelling, one account.
    assert binding_email.sha256("\N{KELVIN SIGN}im@gmail.com") == binding_email.sha256("kim@gmail.com")


ADDRESSES = st.builds(
    lambda local, domain: f"{local}@{domain}",
    st.text(st.sampled_from("aBz.+-_0Üß\u0308\u212aſ用 ,\t"), max_size=12),
    st.text(st.sampled_from("aBz.-0üÜß\u0308\u212a用xnא"), max_size=12).map(lambda text: f"{text}.example")
    | st.sampled_from(["gmail.com", "GoogleMail.com", "bücher.example"]),
)


@given(ADDRESSES, st.sampled_from(list(binding_email.POLICIES)))
def test_eml_01_the_normal_form_is_one_step_away(email: str, policy: Policy) -> None:
    """Normalising twice changes nothing, and what comes out is an address."""
    try:
        form = binding_email.normalise(email, policy)
    except BindingInvalid:
        return
    assert binding_email.problem(form) is None
    assert binding_email.normalise(form, policy) == form


@given(st.text() | ADDRESSES)
def test_any_text_is_accepted_or_refused_with_our_own_error(text: str) -> None:
    rule = binding_email.problem(text)
    for function in (binding_email.clean, binding_email.mask):
        if rule is None:
            assert isinstance(function(text), str)
        else:
            with pytest.raises(BindingInvalid):
                function(text)
    try:
        assert len(binding_email.sha256(text)) == 64
        assert rule is None
    except BindingInvalid:
        pass


# name -> why it is refused
FALSE_DOMAINS = {
    "ex\N{CYRILLIC SMALL LETTER A}mple.com": "one alphabet",
    "xn--exmple-4nf.com": "one alphabet",  # the same as an A-label
    "αbc.com": "one alphabet",
    "abc१.com": "one alphabet",
    "カ한.com": "one alphabet",
    "faß.de": "read alike",
    "βόλος.gr": "read alike",
    "xn--fa-hia.de": "read alike",  # faß as IDNA 2008 writes it
    "ｅxample.com": "read alike",
    "ﬁsh.com": "read alike",
    "m².com": "read alike",
    "ex\N{ZERO WIDTH JOINER}ample.com": "inner hyphens",
    "نامه\N{ZERO WIDTH NON-JOINER}ای.com": "inner hyphens",
    "ü\N{HANGUL FILLER}.com": "inner hyphens",
    "\N{GRINNING FACE}.com": "inner hyphens",
    "example．com.example": "read alike",
    "example。com": "dot in it",
    "example．com": "dot in it",
    "ü-.com": "begin and end",
    "-ü.com": "begin and end",
    "ab--ü.com": "begin and end",
    "\u0308.com": "begin and end",
    "xn--.com": "hyphens",
    "xn--a.com": "inner hyphens",  # decodes to a control character
    "xn--zzzzzzzz99999.com": "A-labels",
    "xn--example-.com": "hyphens",
    "ab--cd.com": "A-labels",
    "xn--Bcher-kva8445foa.com": "inner hyphens",
    "a_b.com": "hyphens",
    "a b.com": "hyphens",
    "a..com": "dot",
    ".a.com": "dot",
    "a.com.": "dot",
    "": "dot",
    "com": "dot in it",
    "127.1": "IP address",
    "0x7f.0x1": "IP address",
    "a.0x7f": "IP address",
    "d" * 64 + ".com": "63",
    "d." * 126 + "com": "253",
    "丁力馬語鳥龥漢字." * 9 + "com": "253 characters as A-labels",
    "1a.עברית": "right-to-left",
    "אa.com": "right-to-left",
    "א1٢.com": "right-to-left",
    "ا1٢.com": "right-to-left",
    "ab.1ا.com": "right-to-left",
}


@pytest.mark.parametrize(("domain", "word"), FALSE_DOMAINS.items())
def test_eml_02_look_alike_and_invalid_domains(domain: str, word: str) -> None:
    with pytest.raises(ValueError, match=r"^must ") as caught:
        ascii_domain(domain)
    assert word in str(caught.value)
    assert binding_email.problem(f"a@{domain}")


DOMAINS = {
    "Example.COM": "example.com",
    "bücher.example": "xn--bcher-kva.example",
    "BÜCHER.example": "xn--bcher-kva.example",
    "bu\u0308cher.example": "xn--bcher-kva.example",
    "XN--BCHER-KVA.example": "xn--bcher-kva.example",
    "пример.рф": "xn--e1afmkfd.xn--p1ai",
    "παράδειγμα.gr": "xn--hxajbheg2az3al.gr",
    "例え.テスト": "xn--r8jz45g.xn--zckzah",
    "東京abc.jp": "xn--abc-dm9di64i.jp",
    "עברית.com": "xn--5dbqzzl.com",
    "مثال.إختبار": "xn--mgbh0fb.xn--kgbechtv",
    "한국.kr": "xn--3e0b707e.kr",
    "उदाहरण.परीक्षा": "xn--p1b6ci4b4b3a.xn--11b5bs3a9aj6g",
    "مثالَ.com": "xn--mgbh0fb2c.com",
    "thành-phố.vn": "xn--thnh-ph-9va4010e.vn",
}


@pytest.mark.parametrize(("shown", "stored"), DOMAINS.items())
def test_eml_02_a_name_and_its_a_label_are_one_domain(shown: str, stored: str) -> None:
    assert ascii_domain(shown) == stored
    assert ascii_domain(stored) == stored
    assert binding_email.sha256(f"a@{shown}") == binding_email.sha256(f"a@{stored}")


@pytest.mark.foreign("node")
def test_node_writes_the_same_a_labels() -> None:
    """A browser's own URL parser, by UTS #46, agrees on every name that is accepted."""
    assert shutil.which("node")
    program = "console.log(JSON.stringify(JSON.parse(process.argv[1]).map(require('url').domainToASCII)))"
    run = subprocess.run(
        ["node", "-e", program, json.dumps(list(DOMAINS))], capture_output=True, check=True, text=True
    )
    assert json.loads(run.stdout) == [ascii_domain(name) for name in DOMAINS]


@given(st.text(st.characters(categories=["Ll", "Lo", "Nd", "Mn"]), min_size=1, max_size=8))
def test_eml_02_what_is_accepted_reads_the_same_back(label: str) -> None:
    try:
        name = ascii_domain(f"{label}.example")
    except ValueError:
        return
    assert name.isascii()
    shown = name.split(".")[0]
    if shown.startswith("xn--"):
        assert shown[4:].encode().decode("punycode") == unicodedata.normalize("NFC", label.lower())
    assert ascii_domain(name) == name


MASKS = {
    "user@gmail.com": "u***@gmail.com",
    "Jane.Smith+vip@Example.COM": "J***@example.com",
    "ab@x.io": "a***@x.io",
    "a@x.io": "***@x.io",
    "Ünal@bücher.example": "Ü***@bücher.example",
    "U\u0308nal@bu\u0308cher.example": "Ü***@bücher.example",
    "u\u0308@x.io": "***@x.io",
    " jane@x.io ": "j***@x.io",
    "\N{GRINNING FACE}\N{GRINNING FACE}@x.io": "\N{GRINNING FACE}***@x.io",
    "a" * 64 + "@x.io": "a***@x.io",
    "abc@x.io": "a***@x.io",
}


@pytest.mark.parametrize(("email", "shown"), MASKS.items())
def test_eml_04_the_mask_has_one_shape(email: str, shown: str) -> None:
    assert binding_email.mask(email) == shown


@given(st.text("abcdefghijkl.+", min_size=2, max_size=20))
def test_eml_04_the_mask_never_shows_two_characters_or_a_length(local: str) -> None:
    email = f"{local}@x.io"
    if binding_email.problem(email) is None:
        assert binding_email.mask(email) == f"{local[0]}***@x.io"


@pytest.mark.parametrize("text", [*BROKEN, *(f"canary@{domain}" for domain in FALSE_DOMAINS)])
def test_eml_12_errors_do_not_repeat_the_address(text: str) -> None:
    """Nor does anything chained to them, which a log would print too."""
    with pytest.raises(BindingInvalid) as caught:
        binding_email.mask(text)
    chain: list[BaseException] = [caught.value]
    while cause := chain[-1].__cause__ or chain[-1].__context__:
        chain.append(cause)
    texts = " ".join(f"{exc} {exc!r} {exc.args} {vars(exc)}" for exc in chain)
    assert "canary" not in texts
    for part in text.split("@"):
        assert len(part) < 4 or part not in texts


def test_candidates_are_each_different_hash_once() -> None:
    assert binding_email.candidate_hashes("user@gmail.com") == {"gmail": USER}
    assert binding_email.candidate_hashes(" jane.doe@gmail.com ") == {
        "gmail": JANEDOE_GMAIL,
        "lower": JANE_DOE_GMAIL,
    }
    assert binding_email.candidate_hashes("+tag@gmail.com").keys() == {"literal", "lower"}
    with pytest.raises(BindingInvalid, match="ASCII"):
        binding_email.candidate_hashes("Ünal@x.io")
    with pytest.raises(BindingInvalid, match="exactly one"):
        binding_email.candidate_hashes("nobody")


@pytest.mark.parametrize(
    "function",
    [
        binding_email.problem,
        binding_email.clean,
        binding_email.mask,
        binding_email.sha256,
        binding_email.normalise,
        binding_email.candidate_hashes,
        ascii_domain,
    ],
)
@pytest.mark.parametrize("wrong", [None, b"a@x.io", 7, ["a@x.io"]])
def test_what_is_no_text_is_the_callers_mistake(function: Callable[[object], object], wrong: object) -> None:
    with pytest.raises(TypeError):
        function(wrong)
