"""One contestant of others, in the environment it is installed in.

    python peer.py NAME WORKLOAD

Says on standard output which version it is, then for each number on standard input makes so many
passes or links and answers with the seconds and the CPU seconds of that, children included. It knows
nothing of Passwright: WORKLOAD is a folder with the files of a pass, certificates, keys, and claims.
"""

from __future__ import annotations

import io
import json
import resource
import sys
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

WORKLOAD = Path(sys.argv[2])
PER_PASS = ("pass.json", "manifest.json", "signature")


def _files() -> dict[str, bytes]:
    folder = WORKLOAD / "files"
    found = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*.*")
        if path.is_file()
    }
    return {name: data for name, data in found.items() if name not in PER_PASS}


def _document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((WORKLOAD / "files" / "pass.json").read_bytes())
    return document


def _claims() -> dict[str, Any]:
    claims: dict[str, Any] = json.loads((WORKLOAD / "claims.json").read_bytes())
    return claims


def _numbered(document: dict[str, Any], number: int) -> None:
    """The values that differ from pass to pass."""
    document["serialNumber"] = f"M-{number:07}"
    card = document["storeCard"]
    card["headerFields"][0]["value"] = number
    card["secondaryFields"][0]["value"] = f"Jane Smith {number}"


def edutap_wallet_apple() -> Callable[[int], object]:
    """Models kept and changed in place, keys as bytes: its documented way for many passes."""
    from edutap.wallet_apple import api

    keys = [(WORKLOAD / name).read_bytes() for name in ("pass.key", "pass.pem", "wwdr.pem")]
    document, files = _document(), _files()

    def make(number: int) -> object:
        _numbered(document, number)
        made = api.new(data=document)
        made.files = dict(files)
        made.sign_direct(*keys)
        return made.as_zip_bytesio().getvalue()

    return make


def _old_style(models: Any) -> Callable[[int], object]:
    """py-pkpass and wallet-py3k: one of them descends from the other."""
    document, files = _document(), _files()
    card = models.StoreCard()
    made = models.Pass(
        card,
        passTypeIdentifier=document["passTypeIdentifier"],
        organizationName=document["organizationName"],
        teamIdentifier=document["teamIdentifier"],
    )
    made.description = document["description"]
    for name in ("backgroundColor", "foregroundColor", "labelColor", "logoText"):
        setattr(made, name, document.get(name))
    for slot in ("header", "primary", "secondary", "auxiliary", "back"):
        add = getattr(card, f"add{slot.capitalize()}Field")
        for each in document["storeCard"].get(f"{slot}Fields", ()):
            add(each["key"], each["value"], each.get("label", ""))
    for name, data in files.items():
        made.addFile(name, io.BytesIO(data))
    paths = [str(WORKLOAD / name) for name in ("pass.pem", "pass.key", "wwdr.pem")]

    def make(number: int) -> object:
        made.serialNumber = f"M-{number:07}"
        card.headerFields[0].value = number
        card.secondaryFields[0].value = f"Jane Smith {number}"
        return made.create(*paths, "").getvalue()

    return make


def py_pkpass() -> Callable[[int], object]:
    """One pass changed in place; files and keys are read by itself."""
    from py_pkpass import models

    return _old_style(models)


def wallet_py3k() -> Callable[[int], object]:
    """One pass changed in place; signs with a process of openssl."""
    from wallet import models

    return _old_style(models)


def _numbered_claims(claims: dict[str, Any], number: int) -> dict[str, Any]:
    made = claims["payload"]["loyaltyObjects"][0]
    made["accountId"], made["accountName"] = f"M-{number:07}", f"Jane Smith {number}"
    made["id"] = f"{made['classId'].partition('.')[0]}.M-{number:07}"
    return claims


def edutap_wallet_google() -> Callable[[int], object]:
    """Models out of the same JSON, credentials handed in."""
    from edutap.wallet_google import api

    credentials, claims = json.loads((WORKLOAD / "account.json").read_bytes()), _claims()
    names = {"loyaltyClasses": "LoyaltyClass", "loyaltyObjects": "LoyaltyObject"}

    def make(number: int) -> object:
        payload = _numbered_claims(claims, number)["payload"]
        models = [api.new(names[name], each) for name, several in payload.items() for each in several]
        return api.save_link(models, credentials=credentials, iat=str(claims["iat"]))

    return make


def google_auth() -> Callable[[int], object]:
    """A signer that is kept."""
    from google.auth import crypt, jwt

    account, claims = json.loads((WORKLOAD / "account.json").read_bytes()), _claims()
    encode: Any = jwt.encode
    rsa: Any = crypt.RSASigner
    signer = rsa.from_string(account["private_key"])
    return lambda number: encode(signer, _numbered_claims(claims, number), key_id=None)


def pyjwt() -> Callable[[int], object]:
    """A key that is loaded once."""
    import jwt
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    account, claims = json.loads((WORKLOAD / "account.json").read_bytes()), _claims()
    key: Any = load_pem_private_key(account["private_key"].encode(), None)
    return lambda number: jwt.encode(_numbered_claims(claims, number), key, "RS256")


PEERS = {
    "edutap.wallet_apple": edutap_wallet_apple,
    "py-pkpass": py_pkpass,
    "wallet-py3k": wallet_py3k,
    "edutap.wallet_google": edutap_wallet_google,
    "google-auth": google_auth,
    "PyJWT": pyjwt,
}


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def main() -> None:
    """Answer the numbers that come in."""
    name = sys.argv[1]
    make = PEERS[name]()
    made = make(1)
    size = len(made) if isinstance(made, (bytes, str)) else 0
    print(json.dumps({"version": version(name), "size": size}), flush=True)
    number = 1
    for line in sys.stdin:
        before, started = _cpu(), perf_counter()
        for _ in range(int(line)):
            number += 1
            make(number)
        print(perf_counter() - started, _cpu() - before, flush=True)


if __name__ == "__main__":
    main()
