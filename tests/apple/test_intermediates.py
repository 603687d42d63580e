"""Apple's intermediates are loaded over https only, within limits, and believed by fingerprint."""

from __future__ import annotations

import hashlib
import ssl
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from passwright.apple.trust import certificate as x
from passwright.apple.trust import intermediates
from passwright.apple.trust.https import MAX_BYTES, https_get
from passwright.apple.trust.intermediates import Published
from passwright.errors import IdentityMismatch, KeyMaterialError
from passwright.testing.https_server import CertificatePage
from tests.conftest import AT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from passwright.examples.authority import Authority

PATH = "/certificateauthority/WWDR.cer"


@pytest.fixture(scope="module")
def page() -> Iterator[CertificatePage]:
    with CertificatePage() as made:
        yield made


@pytest.fixture(autouse=True)
def emptied(page: CertificatePage) -> None:
    for each in (page.files, page.statuses, page.redirects, page.slow, page.seen):
        each.clear()


def row(page: CertificatePage, authority: Authority) -> Published:
    """The authority's intermediate as a row of the table."""
    digest = hashlib.sha256(authority.intermediate).hexdigest()
    key = x.key_id(x.parse(authority.intermediate))
    return Published("WWDR G4", "G4", f"{page.url}{PATH}", digest, key, AT + timedelta(1))


def get(page: CertificatePage, url: str = "", **more: float) -> bytes:
    return https_get(url or f"{page.url}{PATH}", context=page.context, **more)


# --- the table -----------------------------------------------------------------------------------


def test_every_generation_is_in_the_table_and_those_of_today_have_a_place_at_apple() -> None:
    found = intermediates.published_intermediates()

    assert [each.generation for each in found] == ["G1", "G1", "G2", "G3", "G4", "G5", "G6", "G7", "G8"]
    for each in found:
        assert len(each.fingerprint) == 64
        if each.url:
            name = f"https://www.apple.com/certificateauthority/AppleWWDRCA{each.generation}.cer"
            assert each.url == name
    assert {each.generation for each in found if each.url} == {"G2", "G3", "G4", "G5", "G6"}


@pytest.mark.parametrize("name", ["G4", "g4", "4", "WWDR G4"])
def test_a_generation_goes_by_several_names(name: str) -> None:
    assert intermediates.generation(name).name == "WWDR G4"
    assert intermediates.generation().name == "WWDR G4"


@pytest.mark.parametrize("name", ["G1", "G8", "G99", "", "x"])
def test_a_generation_that_cannot_be_had_is_refused(name: str) -> None:
    with pytest.raises(KeyMaterialError, match="there are G2, G3, G4, G5, G6"):
        intermediates.generation(name)


def test_the_intermediate_of_somebody_elses_certificate_is_unknown(authority: Authority) -> None:
    with pytest.raises(KeyMaterialError, match=x.key_id(x.parse(authority.intermediate))):
        intermediates.for_certificate(authority.identity().certificate)
    with pytest.raises(KeyMaterialError, match="can't be read"):
        intermediates.for_certificate(b"no certificate")
    with pytest.raises(KeyMaterialError, match="can't be read"):
        intermediates.for_certificate(b"-----BEGIN NOTHING-----\n-----END NOTHING-----\n")


# --- fetching ------------------------------------------------------------------------------------


def test_an_intermediate_is_fetched_and_compared(page: CertificatePage, authority: Authority) -> None:
    wanted = row(page, authority)
    for form in (authority.intermediate, x.as_pem(authority.intermediate)):
        page.files[PATH] = form
        assert (
            intermediates.fetch(wanted, get=partial(https_get, context=page.context))
            == authority.intermediate
        )
    assert page.seen == [PATH, PATH]


def test_another_place_may_be_named(page: CertificatePage, authority: Authority) -> None:
    page.files["/mirror"] = authority.intermediate
    wanted = replace(row(page, authority), url="https://nobody.invalid/")
    mirror = f"{page.url}/mirror"

    assert intermediates.fetch(wanted, get=partial(https_get, context=page.context), url=mirror)


def test_another_fingerprint_is_refused_with_both(page: CertificatePage, authority: Authority) -> None:
    page.files[PATH] = authority.root
    wanted = row(page, authority)

    with pytest.raises(IdentityMismatch) as caught:
        intermediates.fetch(wanted, get=partial(https_get, context=page.context))
    assert caught.value.expected == wanted.fingerprint
    assert caught.value.actual == hashlib.sha256(authority.root).hexdigest()


@pytest.mark.parametrize("data", [b"", b"<html>", b"\x30\x03abc"])
def test_what_is_no_certificate_is_refused(page: CertificatePage, authority: Authority, data: bytes) -> None:
    page.files[PATH] = data
    with pytest.raises(KeyMaterialError, match="is not a certificate"):
        intermediates.fetch(row(page, authority), get=partial(https_get, context=page.context))


def test_two_certificates_are_refused(authority: Authority, page: CertificatePage) -> None:
    both = x.as_pem(authority.intermediate) + x.as_pem(authority.root)
    with pytest.raises(KeyMaterialError, match="is not a certificate"):
        intermediates.check(row(page, authority), both)


def test_one_that_apple_no_longer_publishes_says_when_it_ended() -> None:
    old = intermediates.published_intermediates()[1]
    with pytest.raises(KeyMaterialError, match="ended on 2023-02-07"):
        intermediates.fetch(old)


def test_without_a_network_it_says_what_to_do(authority: Authority, page: CertificatePage) -> None:
    wanted = replace(row(page, authority), url="https://nobody.invalid/WWDR.cer")
    with pytest.raises(KeyMaterialError, match=r"nobody.invalid can't be reached.*load .* in another way"):
        intermediates.fetch(wanted)


# --- the transport -------------------------------------------------------------------------------


def test_only_https_is_loaded(page: CertificatePage) -> None:
    for url in ("http://127.0.0.1/", "file:///etc/hostname", "ftp://127.0.0.1/", "https:///x", "WWDR.cer"):
        with pytest.raises(KeyMaterialError, match="only https"):
            https_get(url)


def test_a_redirection_is_followed_to_https_only(page: CertificatePage) -> None:
    page.files["/there"] = b"here it is"
    page.redirects[PATH] = f"{page.url}/there"
    assert get(page) == b"here it is"

    page.redirects[PATH] = f"{page.url.replace('https', 'http')}/there"
    with pytest.raises(KeyMaterialError, match="unknown url type: http"):
        get(page)
    page.redirects[PATH] = f"{page.url}{PATH}"
    with pytest.raises(KeyMaterialError, match="answered 302"):
        get(page)


@pytest.mark.parametrize("status", [403, 404, 500])
def test_another_status_is_named(page: CertificatePage, status: int) -> None:
    page.statuses[PATH] = status
    with pytest.raises(KeyMaterialError, match=f"127.0.0.1 answered {status} for"):
        get(page)


def test_too_much_is_not_read(page: CertificatePage) -> None:
    page.files[PATH] = bytes(MAX_BYTES)
    assert len(get(page)) == MAX_BYTES
    page.files[PATH] = bytes(MAX_BYTES + 1)
    with pytest.raises(KeyMaterialError, match="more than 65,536 bytes"):
        get(page)


def test_one_byte_at_a_time_is_too_slow(page: CertificatePage) -> None:
    """Each byte restarts the time-out of a socket, so the whole has one of its own."""
    page.files[PATH] = bytes(100)
    page.slow.add(PATH)
    with pytest.raises(KeyMaterialError, match="takes too long"):
        get(page, timeout=0.3)


def test_a_server_that_is_not_trusted_is_refused(page: CertificatePage) -> None:
    page.files[PATH] = b"x"
    with pytest.raises(KeyMaterialError, match=r"self.signed certificate"):
        https_get(f"{page.url}{PATH}", context=ssl.create_default_context())


def test_nobody_there_is_said(page: CertificatePage) -> None:
    with pytest.raises(KeyMaterialError, match=r"127.0.0.1 can't be reached: .*refused"):
        https_get("https://127.0.0.1:9/")


def test_a_page_that_is_not_served_has_no_place() -> None:
    with pytest.raises(ValueError, match="with statement"):
        _ = CertificatePage().url
