"""``check`` and recipes: what keeps a sender's webhooks from being verified, or verified as well as they could be."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.test_check import RULE, about, change, findings
from tests.signed_requests import private_key, public_pem
from tikisync.database import Database
from tikisync.pipeline.check import Finding


def found(
    site: Database, folder: Path, section: str, header: str = "X-Shop-Signature", **changes: str
) -> list[Finding]:
    change(site, "tiki_webhooks", {"name": "Shop"}, signatureHeader=header, **changes)
    site_wide = "Tiki's system configuration", "handler Forge", "handler Bank"
    text = RULE + (f"[handler Shop]\n{section}\n" if section else "")
    return [each for each in findings(site, folder, text) if not each.where.startswith(site_wide)]


def test_a_recipe_that_fits_its_handler_is_nothing_to_tell_of(sqlite_tiki: Database, tmp_path: Path) -> None:
    assert found(sqlite_tiki, tmp_path, "recipe = stripe", "Stripe-Signature") == []
    assert found(sqlite_tiki, tmp_path, "recipe = docusign", "X-DocuSign-Signature-1") == []


@pytest.mark.parametrize(
    ("section", "secret", "what"),
    [
        ("recipe = stripe", "", "it has no secret, so anybody could sign"),
        ("recipe = github", "whpk_AAAA", "its secret is a public key"),
        ("recipe = paypal\nrecipe.webhook_id = 1", "no key at all", "holds no public key for RSA"),
        ("recipe = stripe\nrecipe.key = hex", "zz", "holds no hex secret"),
    ],
)
def test_a_handler_that_can_verify_nothing_by_its_recipe_is_an_error(
    sqlite_tiki: Database, tmp_path: Path, section: str, secret: str, what: str
) -> None:
    finding = about(found(sqlite_tiki, tmp_path, section, secret=secret), "handler Shop")
    assert finding.level == "error"
    assert what in finding.message
    assert "[handler Shop] in the config" in finding.hint
    assert not secret or secret not in repr(finding)


def test_a_public_key_without_its_senders_recipe_is_an_error(sqlite_tiki: Database, tmp_path: Path) -> None:
    finding = about(found(sqlite_tiki, tmp_path, "", secret=public_pem(private_key("ecdsa"))), "handler Shop")
    assert (finding.level, "name the sender's recipe" in finding.message) == ("error", True)


def test_a_recipe_that_looks_into_another_header_than_tiki_says_is_told(sqlite_tiki: Database, tmp_path: Path) -> None:
    finding = about(found(sqlite_tiki, tmp_path, "recipe = stripe"), "[handler Shop]")
    assert finding.level == "warning"
    assert "stripe-signature, not in X-Shop-Signature" in finding.message
    assert "recipe.signature" in finding.hint


@pytest.mark.parametrize(
    ("address", "level"), [("http://wiki.example.org", "warning"), ("https://wiki.example.org", "")]
)
def test_a_token_sent_where_anybody_on_the_way_can_read_it_is_told(
    sqlite_tiki: Database, tmp_path: Path, address: str, level: str
) -> None:
    section = f"recipe = gitlab-token\n[server]\npublic_url = {address}"
    told = found(sqlite_tiki, tmp_path, section, "X-Gitlab-Token")
    assert [each.level for each in told] == ([level] if level else [])
    assert all("is not encrypted" in each.message for each in told)


def test_a_senders_header_under_tikis_plain_rule_is_told_unless_plain_is_meant(
    sqlite_tiki: Database, tmp_path: Path
) -> None:
    finding = about(found(sqlite_tiki, tmp_path, "", "X-Shopify-Hmac-SHA256"), "handler Shop")
    assert (finding.level, "the header of Shopify" in finding.message) == ("warning", True)
    assert "recipe = shopify" in finding.hint
    assert found(sqlite_tiki, tmp_path, "recipe = plain", "X-Shopify-Hmac-SHA256") == []


def test_a_recipe_that_is_inferred_needs_no_section(sqlite_tiki: Database, tmp_path: Path) -> None:
    assert found(sqlite_tiki, tmp_path, "", "X-Hub-Signature-256", verification="hmac") == []
