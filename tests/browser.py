"""A real Chromium on the holder's page: a server on loopback, a window, an authenticator."""

from __future__ import annotations

import contextlib
import socket
import tempfile
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from selenium.webdriver import Chrome, ChromeOptions, ChromeService

from passwright.service.proofs.passkeys import PasskeyProvider
from passwright.service.settings import ServiceLimits, Settings
from passwright.service.vault import Vault
from passwright.service.web.app import create_app
from passwright.service.web.server import Server
from tests.service_context import KEYS, opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from passwright.service.context import ServiceContext

# The limit of requests has tests of its own.
MANY = ServiceLimits(visitor_per_second=1e6, visitor_burst=10**6)
PHONE, DESKTOP = (390, 844), (1280, 860)
AGENTS = {
    "android": "Mozilla/5.0 (Linux; Android 16; Pixel 10) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/150.0.0.0 Mobile Safari/537.36",
    "iphone": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
    "desktop": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/150.0.0.0 Safari/537.36",
}


def gate(origin: str) -> PasskeyProvider:
    """Passkeys for exactly this origin."""
    return PasskeyProvider(origin=origin, name="Example Coffee Roasters", vault=Vault(KEYS))


@contextmanager
def service(folder: Path, *, now: Callable[[], datetime], **more: Any) -> Iterator[ServiceContext]:
    """The service on http://localhost, with passkeys for exactly that origin; its context knows the URL."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        url = f"http://localhost:{listening.getsockname()[1]}"
        with opened(folder / "passes.db", **{"base_url": url, "provider": gate(url), **more}) as context:
            settings = Settings(base_url=url, database="unused", limits=MANY)
            server = Server(create_app(context, settings, now=now), host="127.0.0.1", port=0)
            thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
            thread.start()
            while not server.started:
                assert thread.is_alive(), "the server did not start"
                time.sleep(0.005)
            try:
                yield context
            finally:
                server.should_exit = True
                thread.join(timeout=40)
                assert not thread.is_alive(), "the server did not stop"


@contextmanager
def chromium(downloads: Path) -> Iterator[Chrome]:
    """A headless Chromium with a profile of its own, which downloads into a folder without asking."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for switch in (
            *("headless=new", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run"),
            *("disable-background-networking", "disable-component-update", "disable-sync"),
            *("hide-scrollbars", f"user-data-dir={profile}"),
        ):
            options.add_argument(f"--{switch}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        driver = Chrome(options, ChromeService("/usr/bin/chromedriver"))
        try:
            behaviour = {"behavior": "allow", "downloadPath": str(downloads)}
            driver.execute_cdp_cmd("Browser.setDownloadBehavior", behaviour)
            yield driver
        finally:
            driver.quit()


def pose(driver: Chrome, device: str, *, language: str = "en", size: tuple[int, int] | None = None) -> None:
    """The browser says that it is this device, reads this language, and has a window of this size."""
    width, height = size or (DESKTOP if device == "desktop" else PHONE)
    touch = {"enabled": device != "desktop", **({"maxTouchPoints": 5} if device != "desktop" else {})}
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": device != "desktop"}
    agent = {"userAgent": AGENTS[device], "acceptLanguage": language}
    driver.execute_cdp_cmd("Emulation.setUserAgentOverride", agent)
    driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", touch)
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


@contextmanager
def authenticator(driver: Chrome, *, verified: bool = True) -> Iterator[str]:
    """An authenticator built into the device, which knows its owner, or does not."""
    driver.execute_cdp_cmd("WebAuthn.enable", {"enableUI": False})
    options = {
        "protocol": "ctap2",
        "ctap2Version": "ctap2_1",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": verified,
        "automaticPresenceSimulation": True,
    }
    made = driver.execute_cdp_cmd("WebAuthn.addVirtualAuthenticator", {"options": options})
    try:
        yield made["authenticatorId"]
    finally:
        with contextlib.suppress(Exception):  # the page may have closed it
            driver.execute_cdp_cmd("WebAuthn.removeVirtualAuthenticator", made)
        driver.execute_cdp_cmd("WebAuthn.disable", {})
