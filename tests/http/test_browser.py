"""A real browser walks both roads: what a person presses, what the device answers, what is stored then."""

from __future__ import annotations

import base64
import io
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import zxingcpp
from PIL import Image
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from passwright import google
from passwright.binding.lifecycle import State
from passwright.service import passes, release
from passwright.service.pages.texts import texts
from tests.browser import AGENTS, DESKTOP, PHONE, authenticator, chromium, pose, service
from tests.run_cli import run
from tests.service_context import AT, bound_pass, membership, new_pass

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from selenium.webdriver import Chrome

    from passwright.service.context import ServiceContext
    from passwright.service.passes import PassView
    from passwright.service.store.protocol import StoredTemplate

pytestmark = pytest.mark.foreign("chromium", "chromedriver")

SAVE = "https://pay.google.com/gp/v/save/"


class Walk:
    """A person with a browser in front of the service."""

    def __init__(self, context: ServiceContext, driver: Chrome, downloads: Path) -> None:
        self.context, self.driver, self.downloads = context, driver, downloads
        self.template: StoredTemplate = membership(context)

    def open(
        self, shown: PassView, device: str, *, language: str = "en", size: tuple[int, int] | None = None
    ) -> None:
        pose(self.driver, device, language=language, size=size)
        self.driver.get(shown.download_url)

    def state(self, shown: PassView) -> State | None:
        found = passes.find(self.context, "org-1", shown.pass_.id).binding
        return found.state if found else None

    def find(self, css: str) -> Any:
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def headline(self) -> str:
        text: str = self.find("h1").text
        return text

    def press(self, css: str) -> None:
        WebDriverWait(self.driver, 10).until(lambda _: self.find(css).is_displayed())
        self.find(css).click()

    def until(self, state: str) -> None:
        """Waits until the ceremony on the page says that it is there, in the words of the page."""
        place = "[data-ceremony]"
        wait = WebDriverWait(self.driver, 10)
        wait.until(lambda _: self.find(place).get_attribute("data-now") == state)

    def told(self) -> str:
        text: str = self.find("[data-status]").text
        return text

    def downloaded(self) -> Path:
        def there(_: object) -> list[Path]:
            return [each for each in self.downloads.iterdir() if each.suffix == ".pkpass"]

        found: list[Path] = WebDriverWait(self.driver, 20).until(there)
        return found[0].rename(found[0].with_suffix(".taken.pkpass-file"))

    def complaints(self) -> list[str]:
        """What the browser wrote to its console, but for refusals that a test brings about and one hint."""
        told = [each["message"] for each in self.driver.get_log("browser")]  # type: ignore[no-untyped-call]
        hints = ("default algorithm identifiers", "the server responded with a status of 4")
        return [each for each in told if not any(hint in each for hint in hints)]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    folder, downloads = tmp_path_factory.mktemp("service"), tmp_path_factory.mktemp("downloads")
    with service(folder, now=lambda: AT) as context, chromium(downloads) as driver:
        yield Walk(context, driver, downloads)


@pytest.fixture
def walk(shared: Walk) -> Iterator[Walk]:
    shared.complaints()
    yield shared
    assert shared.complaints() == []


@pytest.mark.ci
def test_an_android_phone_gets_its_link(walk: Walk) -> None:
    """One press; the browser is on its way to Google, and the pass is Google's."""
    shown = bound_pass(walk.context, walk.template)
    walk.open(shown, "android")
    assert walk.headline() == "Add your pass to Google Wallet"
    assert "j***@gmail.com" in walk.find("main").text

    with stopped_at_google(walk.driver) as asked:
        walk.press("form[action*=google] button")
        WebDriverWait(walk.driver, 10).until(lambda _: asked())

    (link,) = asked()
    assert link.startswith(SAVE)
    assert google.read(link.removeprefix(SAVE)).claims
    assert walk.state(shown) is State.GOOGLE_BOUND
    walk.open(shown, "android")
    assert walk.headline() == "Your pass is in Google Wallet"


@contextmanager
def stopped_at_google(driver: Chrome) -> Iterator[Any]:
    """Lets no request leave for Google; yields a function that tells what was asked for."""
    driver.execute_cdp_cmd("Network.enable", {})
    driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*pay.google.com*"]})

    def entries() -> list[str]:
        history = driver.execute_cdp_cmd("Page.getNavigationHistory", {})
        return [each["url"] for each in history["entries"] if each["url"].startswith(SAVE)]

    before = len(entries())

    def asked() -> list[str]:
        return entries()[before:]

    try:
        yield asked
    finally:
        driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})


def test_an_iphone_confirms_and_downloads_a_pass_that_verifies(walk: Walk) -> None:
    """Begin, a passkey with user verification, complete, download; and once more with the same passkey."""
    shown = bound_pass(walk.context, walk.template)
    with authenticator(walk.driver):
        walk.open(shown, "iphone")
        assert walk.headline() == "Add your pass to Apple Wallet"
        walk.press("[data-start]")
        walk.until("done")
        first = walk.downloaded()
        assert "Your pass downloads now" in walk.told()
        assert walk.state(shown) is State.APPLE_BOUND

        walk.open(shown, "iphone")
        assert walk.headline() == "Your pass is in Apple Wallet"
        walk.press("[data-start]")
        walk.until("done")
        again = walk.downloaded()

    for each in (first, again):
        done = run("verify", "--example", str(each))
        assert done.exit_code == 0, done.output
        assert "ok" in done.output


@pytest.mark.ci
@pytest.mark.parametrize("language", ["en", "de"])
def test_the_wrong_wallet_sees_the_lock(walk: Walk, language: str) -> None:
    google_, apple = bound_pass(walk.context, walk.template), bound_pass(walk.context, walk.template)
    release.google_save_link(walk.context, "org-1", google_.pass_.id, at=AT)
    release.apple_begin(walk.context, "org-1", apple.pass_.id, at=AT)

    for shown, device, wallet in ((google_, "iphone", "apple"), (apple, "android", "google")):
        walk.open(shown, device, language=language)
        assert walk.headline() == texts(language)[f"headline.{wallet}_locked"]
        assert walk.driver.find_elements(By.CSS_SELECTOR, ".act > form, .act > .ceremony") == []
        assert "support.example.com" in walk.find(".personal a").get_attribute("href")


@pytest.mark.ci
def test_a_race_lost_on_the_open_page_is_told(walk: Walk) -> None:
    """The page was opened before another device decided for Google."""
    shown = bound_pass(walk.context, walk.template)
    with authenticator(walk.driver):
        walk.open(shown, "iphone")
        walk.until("ready")
        release.google_save_link(walk.context, "org-1", shown.pass_.id, at=AT)
        walk.press("[data-start]")
        walk.until("locked")

    assert "Another device was faster" in walk.told()
    assert not walk.find("[data-start]").is_displayed()
    assert walk.state(shown) is State.GOOGLE_BOUND


@pytest.mark.ci
def test_a_cancelled_ceremony_can_be_repeated(walk: Walk) -> None:
    """The device does not recognise its owner the first time."""
    shown = bound_pass(walk.context, walk.template)
    with authenticator(walk.driver, verified=False) as device:
        walk.open(shown, "iphone")
        walk.press("[data-start]")
        walk.until("cancelled")
        assert "try again" in walk.told()
        assert walk.find("[data-label]").text == "Try again"
        assert walk.state(shown) is State.APPLE_PENDING

        known = {"authenticatorId": device, "isUserVerified": True}
        walk.driver.execute_cdp_cmd("WebAuthn.setUserVerified", known)
        walk.press("[data-start]")
        walk.until("done")
        walk.downloaded()

    assert walk.state(shown) is State.APPLE_BOUND


@pytest.mark.ci
def test_a_device_that_cannot_confirm_changes_nothing(walk: Walk) -> None:
    """No authenticator: nothing to press, nothing locked, nothing purged, and help on the page."""
    shown = bound_pass(walk.context, walk.template)
    walk.open(shown, "iphone")
    walk.until("unsupported")

    assert not walk.find("[data-start]").is_displayed()
    assert "Nothing was decided" in walk.told()
    assert walk.find(".personal a").is_displayed()
    found = passes.find(walk.context, "org-1", shown.pass_.id)
    assert found.binding is not None
    assert (found.binding.state, found.mask) == (State.CREATED, "j***@gmail.com")


@pytest.mark.ci
def test_a_browser_without_passkeys_changes_nothing(walk: Walk) -> None:
    shown = bound_pass(walk.context, walk.template)
    script = {"source": "delete window.PublicKeyCredential"}
    made = walk.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", script)
    try:
        with authenticator(walk.driver):
            walk.open(shown, "iphone")
            walk.until("unsupported")
    finally:
        walk.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", made)

    assert walk.state(shown) is State.CREATED


@pytest.mark.ci
def test_without_javascript_google_works_and_apple_explains(walk: Walk) -> None:
    shown = bound_pass(walk.context, walk.template)
    walk.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        walk.open(shown, "iphone")
        assert "needs JavaScript" in walk.find("main").text
        assert walk.driver.find_elements(By.CSS_SELECTOR, "[data-start]:not([hidden])") == []
        walk.open(shown, "android")
        with stopped_at_google(walk.driver) as asked:
            walk.press("form[action*=google] button")
            WebDriverWait(walk.driver, 10).until(lambda _: asked())
    finally:
        walk.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})

    assert walk.state(shown) is State.GOOGLE_BOUND


@pytest.mark.ci
@pytest.mark.parametrize("language", ["en", "de"])
def test_a_desktop_shows_a_code_that_a_camera_reads(walk: Walk, language: str) -> None:
    """Read from the screenshot, by a reader nobody here wrote."""
    shown = bound_pass(walk.context, walk.template)
    walk.open(shown, "desktop", language=language)
    assert walk.headline() == texts(language)["headline.desktop"]

    (code,) = zxingcpp.read_barcodes(screenshot(walk.driver))

    assert code.text == shown.download_url
    assert walk.state(shown) is State.CREATED


def screenshot(driver: Chrome) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(driver.get_screenshot_as_base64()))).convert("RGB")


@pytest.mark.ci
def test_a_desktop_may_be_used_itself(walk: Walk) -> None:
    """A Mac with Touch ID: behind "Use this device instead"."""
    shown = bound_pass(walk.context, walk.template)
    with authenticator(walk.driver):
        walk.open(shown, "desktop")
        walk.press("[data-here] summary")
        assert walk.find("form[action*=google] button").is_displayed()
        walk.press("[data-start]")
        walk.until("done")
        walk.downloaded()

    assert walk.state(shown) is State.APPLE_BOUND
    assert not walk.find("form[action*=google] button").is_displayed(), "Google's time is over"


@pytest.mark.ci
@pytest.mark.parametrize("device", ["iphone", "desktop"])
def test_what_became_of_a_press_is_told_where_one_looks(walk: Walk, device: str) -> None:
    """In a window so low that the words would come up below it."""
    shown = bound_pass(walk.context, walk.template)
    with authenticator(walk.driver, verified=False):
        walk.open(shown, device, size=(390, 560))
        if device == "desktop":
            walk.press("[data-here] summary")
        walk.press("[data-start]")
        walk.until("cancelled")

    box = "const box = document.querySelector('[data-status]').getBoundingClientRect();"
    top, bottom = walk.driver.execute_script(f"{box} return [box.top, innerHeight - box.bottom]")
    assert top >= 0
    assert bottom >= 0


@pytest.mark.ci
def test_an_ipad_that_poses_as_a_mac_gets_its_way_at_once(walk: Walk) -> None:
    shown = bound_pass(walk.context, walk.template)
    walk.open(shown, "iphone")
    walk.driver.execute_cdp_cmd("Emulation.setUserAgentOverride", {"userAgent": AGENTS["desktop"]})
    walk.driver.get(shown.download_url)

    assert walk.find("[data-here]").get_attribute("open") is not None


@pytest.mark.ci
def test_an_unbound_pass_is_a_plain_download(walk: Walk) -> None:
    shown = new_pass(walk.context, walk.template)
    walk.open(shown, "iphone")
    walk.press("form[action*=apple] button")

    assert run("verify", "--example", str(walk.downloaded())).exit_code == 0


@pytest.mark.ci
@pytest.mark.parametrize("device", AGENTS)
@pytest.mark.parametrize("language", ["en", "de"])
def test_nothing_sticks_out_of_the_window(walk: Walk, device: str, language: str) -> None:
    """No sideways scrolling, down to 320 pixels (WCAG 2.2, success criterion 1.4.10)."""
    shown = bound_pass(walk.context, walk.template)
    for size in (PHONE, DESKTOP, (320, 640)):
        walk.open(shown, device, language=language, size=size)
        wide, window = walk.driver.execute_script(
            "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        assert wide <= window


@pytest.mark.ci
def test_a_person_with_a_keyboard_gets_everywhere(walk: Walk) -> None:
    """Everything that can be pressed can be reached with Tab, and shows that it is."""
    shown = bound_pass(walk.context, walk.template)
    with authenticator(walk.driver):
        walk.open(shown, "iphone")
        walk.until("ready")
        reached = []
        for _ in range(6):
            walk.driver.switch_to.active_element.send_keys(Keys.TAB)
            active = walk.driver.switch_to.active_element
            reached.append(active.text.strip())
            style = "return getComputedStyle(arguments[0]).outlineStyle"
            assert walk.driver.execute_script(style, active) != "none"

    for words in ("Details", "Add to Apple Wallet", "Have an Android phone?", "More about", "Deutsch"):
        assert any(words in each for each in reached)


@pytest.mark.ci
def test_a_screen_reader_hears_each_state(walk: Walk) -> None:
    """What the browser's accessibility tree holds: landmarks, headline, the live region and its words."""
    shown = bound_pass(walk.context, walk.template)
    walk.open(shown, "iphone")
    walk.until("unsupported")
    nodes = walk.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    roles = {(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes}

    assert {role for role, _ in roles} >= {
        "main",
        "contentinfo",
        "navigation",
        "heading",
        "status",
        "article",
    }
    assert ("heading", "Add your pass to Apple Wallet") in roles
    assert ("article", "Example Coffee Roasters: Coffee Club") in roles
    assert any("can’t confirm" in name for role, name in roles if role == "StaticText")
    (status,) = [node for node in nodes if node["role"]["value"] == "status"]
    assert {each["name"]: each["value"]["value"] for each in status["properties"]}["live"] == "polite"


@pytest.mark.ci
def test_the_browser_is_the_one_of_the_system() -> None:
    """The tests drive the browser that the distribution packages."""
    assert shutil.which("chromium") == "/usr/bin/chromium"
