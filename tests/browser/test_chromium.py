"""Where the browser comes from."""

from __future__ import annotations

import pytest

from tests.browser import chromium


def test_a_named_browser_is_taken() -> None:
    assert chromium.find({chromium.VARIABLE: "/opt/chrome"}, print) == "/opt/chrome"


def test_a_missing_one_is_told_with_a_way_out() -> None:
    with pytest.raises(chromium.NoChromiumError, match=f"apt-get install chromium.*{chromium.VARIABLE}"):
        chromium.find({"PATH": "/nowhere"}, print)
