"""The holder's page as HTML: what to do with this pass on this device, in one language.

A device is only guessed, by a text that browsers send as they like. So the guess
decides what comes first, and both ways stay on the page.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import segno
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from passwright.binding.lifecycle import State
from passwright.service.pages.texts import LANGUAGES, texts

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from passwright.binding.lifecycle import Platform
    from passwright.service.pages.card import Card

__all__ = ["Action", "Asset", "Device", "HolderPage", "asset", "asset_path", "device_of", "page", "problem"]

Device: TypeAlias = Literal["android", "iphone", "desktop"]

# The possible actions for a wallet.
Action: TypeAlias = Literal["open", "pending", "again", "locked", "off"]

_HERE = Path(__file__).parent

# The platform comes first in what browsers of phones say of themselves; iPads
# often pose as a Mac, and their page tells them apart by touch.
_ANDROID = re.compile(r"\bAndroid\b")
_APPLE = re.compile(r"\b(iPhone|iPad|iPod)\b")
MAX_USER_AGENT = 500


def device_of(user_agent: str | None) -> Device:
    """The device that a User-Agent header hints at."""
    text = (user_agent or "")[:MAX_USER_AGENT]
    # Edge and others on Windows Phone named every platform: iPhone last.
    if _ANDROID.search(text):
        return "android"
    return "iphone" if _APPLE.search(text) else "desktop"


@dataclass(frozen=True, slots=True, kw_only=True)
class HolderPage:
    """The subject of the page.

    `state` is None for a pass without a binding. `url` is the page's own
    address, `offers` the wallets this service can make the pass for. `mask` is
    what may be seen of the holder's address, None where it is purged.
    """

    card: Card
    url: str
    offers: Collection[Platform]
    state: State | None = None
    mask: str | None = None
    learn_more_url: str | None = None

    def way(self, platform: Platform) -> Action:
        """Returns the action that is possible for this wallet."""
        if platform not in self.offers:
            return "off"
        if self.state is None or self.state is State.CREATED:
            return "open"
        if self.state.platform != platform:
            return "locked"
        return "pending" if self.state is State.APPLE_PENDING else "again"


def page(holder: HolderPage, *, device: Device, language: str) -> str:
    """The page for a pass that can be handed out, or that its holder has.

    `language` is one of `LANGUAGES`.
    """
    main: Platform | None = {"android": "google", "iphone": "apple"}.get(device)  # type: ignore[assignment]
    return _render(
        "holder.html",
        language,
        holder=holder,
        card=holder.card,
        device=device,
        main=main,
        headline=_headline(holder, main),
        lead=_DESKTOP_LEADS.get(holder.state, "desktop.lead"),
        ways={platform: holder.way(platform) for platform in ("google", "apple")},
        path=_path(holder.url),
        qr=_qr(holder.url),
    )


def problem(reason: str, *, language: str, url: str | None = None, learn_more_url: str | None = None) -> str:
    """The page that says why there is nothing to do, by the code of a refusal.

    `url` leads back to the pass. Codes without words of their own are ours to mend.
    """
    known = reason if f"problem.{reason}.title" in texts(language) else "failed"
    path = _path(url) if url else None
    return _render("problem.html", language, code=known, path=path, learn_more_url=learn_more_url)


def _headline(holder: HolderPage, main: Platform | None) -> str:
    if main is None:
        return "headline.desktop"
    way = holder.way(main)
    return f"headline.{main}_{'open' if way == 'off' else way}"


# The text that a desktop shows for a pass that a device has begun to add.
_DESKTOP_LEADS: Mapping[State | None, str] = MappingProxyType(
    {
        State.GOOGLE_BOUND: "desktop.lead_google",
        State.APPLE_PENDING: "desktop.lead_pending",
        State.APPLE_BOUND: "desktop.lead_apple",
    }
)


def _path(url: str) -> str:
    """The path of an absolute URL of ours: links inside the page follow whatever name it was opened by."""
    return "/" + url.split("/", 3)[3]


def _qr(url: str) -> Markup:
    """The address as a QR code. Segno writes attributes, no styles, and escapes what it is given."""
    code = segno.make(url, error="m", micro=False)
    return Markup(code.svg_inline(border=4, omitsize=True, svgclass=None, lineclass=None, light="#fff"))  # noqa: S704 -- no text of others in it


# --- files beside the page ----------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that pages link to. Its digest stands in the link, so that it may be kept for ever."""

    data: bytes
    media_type: str
    digest: str


_MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@cache
def _assets() -> dict[str, Asset]:
    made = {}
    for path in sorted((_HERE / "assets").iterdir()):
        data = path.read_bytes()
        made[path.name] = Asset(data, _MEDIA_TYPES[path.suffix], hashlib.sha256(data).hexdigest()[:16])
    return made


def asset(name: str) -> Asset | None:
    """The file of this name, None where there is none."""
    return _assets().get(name)


def asset_path(name: str) -> str:
    """The path that pages link to the file with."""
    return f"/assets/{_assets()[name].digest}/{name}"


# --- rendering ----------------------------------------------------------------


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["asset"] = asset_path
    made.globals["languages"] = {name: texts(name)["language"] for name in LANGUAGES}
    return made


def _render(name: str, language: str, **values: Any) -> str:
    words = texts(language)

    def t(key: str, **blanks: str) -> str:
        return words[key].format(**blanks) if blanks else words[key]

    return _environment().get_template(name).render(language=language, t=t, **values)
