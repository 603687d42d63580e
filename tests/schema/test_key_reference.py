"""Tests of the key reference: a member is found by any of its names."""

from __future__ import annotations

import pytest

from passwright import key_reference
from passwright.apple.build import pass_json
from passwright.google import schema


@pytest.mark.parametrize(
    ("name", "owners"),
    [
        ("messageEncoding", {"Barcode"}),
        ("barcodes.messageEncoding", {"Barcode"}),
        ("pass.json#/barcodes/0/messageEncoding", {"Barcode"}),
        ("/barcodes/0/messageEncoding", {"Barcode"}),
        ("Barcode.messageEncoding", {"Barcode"}),
        ("attributedValue", {"PassFieldContent"}),
        ("template.toml:20#/fields/tier/label", {"Field"}),
        ("restrictToEmailSha256", {"SaveRestrictions"}),
        ("LoyaltyObject.accountName", {"LoyaltyObject"}),
        ("saveRestrictions.restrictToEmailSha256", {"SaveRestrictions"}),
    ],
)
def test_a_key_is_found_by_name_path_pointer_and_object(name: str, owners: set[str]) -> None:
    assert {each.owner for each in key_reference.find(name)} == owners


@pytest.mark.parametrize(
    "name", ["", "#", "/", "0", "nosuchkey", "Barcode", "barcodes.nosuchkey", "BARCODES"]
)
def test_what_is_no_key_is_not_found(name: str) -> None:
    assert key_reference.find(name) == ()


def test_a_key_of_several_documents_is_found_in_all_of_them() -> None:
    assert {each.document for each in key_reference.find("barcode")} == {
        "pass.json",
        "template.toml",
        "Google",
    }


def test_facts_are_told_in_words() -> None:
    [found] = key_reference.find("messageEncoding")

    assert found.facts() == {
        "type": "text",
        "required": "yes",
        "limits": "in the form of a charset",
        "since": "iOS 6",
        "note": found.key.keywords["note"],
    }
    assert found.places == ("barcode.messageEncoding", "barcodes[].messageEncoding")


def test_lists_limits_relations_and_old_spellings_are_told() -> None:
    def facts(name: str) -> dict[str, str]:
        return key_reference.find(name)[0].facts()

    assert facts("barcodes")["type"] == "list of Barcode"
    assert facts("locations")["limits"] == "at most 10 of them"
    assert facts("webServiceURL")["limits"] == "a https URL"
    assert facts("webServiceURL")["beside others"] == "only with authenticationToken"
    assert facts("pass.json#/barcode")["deprecated"] == "iOS 9"
    assert facts("voided")["default"] == "false"
    assert "qrCode for QR_CODE" in facts("Barcode.type")["old spellings"]
    assert facts("AppLinkData.iosAppLinkInfo")["deprecated"] == "yes"


def test_every_key_of_every_table_is_found_where_it_stands() -> None:
    for document, table in (("pass.json", pass_json.pass_schema()), ("Google", schema.payload_schema())):
        for owner, named in table.objects.items():
            for name in named:
                if name != "*":
                    found = [
                        each
                        for each in key_reference.find(f"{owner}.{name}")
                        if (each.document, each.owner) == (document, owner)
                    ]
                    assert [each.key for each in found] == [named[name]], f"{owner}.{name}"
                    assert all(found[0].facts().values())


def test_names_are_for_guesses() -> None:
    assert {"barcodes", "restrictToEmailSha256", "apple_key"} <= set(key_reference.names())
    assert "*" not in key_reference.names()
