"""With cookies blocked, a browser throws where a script looks at its storage."""

import json
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser

pytestmark = pytest.mark.slow


def test_search_copy_and_palette_work_with_cookies_blocked(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    preferences = tmp_path / "Default" / "Preferences"
    preferences.parent.mkdir()
    blocked = {"profile": {"default_content_setting_values": {"cookies": 2}}}
    preferences.write_text(json.dumps(blocked), encoding="utf-8")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    context = browser.browser_type.launch_persistent_context(
        tmp_path,
        executable_path=shutil.which("chromium"),
        args=arguments,
        viewport={"width": 1300, "height": 900},
    )
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(address, wait_until="networkidle")
    page.locator(".md-code__button").first.wait_for(state="attached")
    page.keyboard.press("/")
    page.keyboard.type("momentum")
    page.locator(".md-search-result__link").first.wait_for()
    assert errors == []
    context.close()
