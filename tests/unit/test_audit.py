"""The look for known vulnerabilities: what counts as a finding, and what is looked at."""

from __future__ import annotations

import re

import pytest

from tests import audit

REPORT: dict[str, object] = {
    "dependencies": [
        {"name": "jinja2", "version": "2.10", "vulns": [
            {"id": "PYSEC-2019-217", "fix_versions": ["2.10.1"], "aliases": ["CVE-2019-10906"], "description": "…"},
            {"id": "PYSEC-2021-66", "fix_versions": [], "aliases": [], "description": "…"},
        ]},
        {"name": "starlette", "version": "1.10.0", "vulns": []},
        {"name": "unknown", "skip_reason": "not found"},
    ],
    "fixes": [],
}  # fmt: skip


def test_a_finding_names_package_vulnerability_and_way_out() -> None:
    assert audit.findings(REPORT, {}) == [
        "jinja2 2.10: PYSEC-2019-217, mended in 2.10.1",
        "jinja2 2.10: PYSEC-2021-66, mended in nothing yet",
    ]


def test_what_is_accepted_by_any_of_its_names_is_no_finding() -> None:
    assert audit.findings(REPORT, {"CVE-2019-10906", "PYSEC-2021-66"}) == []


def test_everything_is_accepted_for_a_reason() -> None:
    assert all(audit.ACCEPTED.values())


def test_what_is_needed_in_turn_is_looked_at_too_and_extras_are_not() -> None:
    needed = audit.requirements(["jinja2>=3", "uvicorn; python_version > '3'", "pytest; extra == 'test'"])
    assert {name.lower() for name in needed} == {"jinja2", "markupsafe", "uvicorn", "h11", "click"}


@pytest.mark.parametrize(
    ("knows", "found", "code", "line"),
    [
        ((), {}, audit.NOT_AUDITED, "not audited"),
        (("osv",), {}, 0, " 0 findings"),
        (("pypi", "osv"), REPORT, 1, " 2 findings"),
    ],
)
def test_only_a_service_that_knows_anything_is_believed(
    knows: tuple[str, ...],
    found: dict[str, object],
    code: int,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def asked(service: str, packages: list[str]) -> dict[str, object]:
        return (REPORT if packages == [audit.CANARY] else found) if service in knows else {}

    monkeypatch.setattr(audit, "_asked", asked)
    assert audit.main() == code
    assert line in capsys.readouterr().out


def test_every_warning_of_the_security_linter_that_is_silenced_says_why() -> None:
    root = audit.PROJECT.parent
    files = [*root.glob("tikisync/**/*.py"), *root.glob("tests/**/*.py")]
    silent = [
        f"{file.relative_to(root)}:{number}"
        for file in files
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"#\s*noqa:[^#]*\bS\d{3}(?:,\s*[A-Z]+\d+)*\s*$", line)
    ]
    assert silent == []
