"""SQL functions that some server lacks."""

from __future__ import annotations

import re
from pathlib import Path

import tikisync

# MySQL 9.6 has MD5 and SHA1 no more unless a component is installed; MySQL 8 has no PASSWORD, ENCODE and DECODE.
_LACKING = re.compile(r"\b(MD5|SHA1?|PASSWORD|OLD_PASSWORD|ENCODE|DECODE|DES_ENCRYPT|DES_DECRYPT)\(")


def test_no_statement_uses_a_function_that_a_server_lacks() -> None:
    sources = Path(tikisync.__file__).parent.rglob("*.py")
    found = [f"{path.name}: {match[0]}" for path in sources for match in _LACKING.finditer(path.read_text("utf-8"))]
    assert found == []
