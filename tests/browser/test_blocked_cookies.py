"""With cookies blocked, a browser throws where a script looks at its storage."""

import json
import os
import shutil
from pathlib import Path

import pytest
from conftest import ARGUMENTS, PATIENCE
from playwright.sync_api import Browser, Error

pytestmark = pytest.mark.slow


def test_search_copy_and_palette_work_with_cookies_blocked(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    chromium = shutil.which("chromium")  # the headless shell has no settings
    if not chromium:
        assert not os.environ.get("CI"), "install chromium: .ci/run does"
        pytest.skip("there is no chromium with settings on this machine")
    preferences = tmp_path / "Default" / "Preferences"
    preferences.parent.mkdir()
    blocked = {"profile": {"default_content_setting_values": {"cookies": 2}}}
    preferences.write_text(json.dumps(blocked), encoding="utf-8")
    context = browser.browser_type.launch_persistent_context(
        tmp_path,
        executable_path=chromium,
        args=ARGUMENTS,
        viewport={"width": 1300, "height": 900},
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(address + "robots.txt")
    with pytest.raises(Error, match="Access is denied"):
        page.evaluate("window.localStorage")
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(address, wait_until="networkidle")
    page.locator(".md-code__button").first.wait_for(state="attached")
    page.keyboard.press("/")
    page.keyboard.type("momentum")
    page.locator(".md-search-result__link").first.wait_for()
    assert errors == []
    context.close()
