"""The first config file, and what belongs into other programs' files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tikisync.cli import snippets
from tikisync.config import read
from tikisync.config.drafting import draft

RULE = ["[rule first]", "handler = Shop", "tracker = Orders", "field.orderId = body.id"]
SERVER = {"host": "127.0.0.1", "port": "8025", "public_url": "https://www.example.org/wiki"}


def test_a_draft_is_read_back_as_it_was_meant() -> None:
    config = read(draft({"path": "/var/www/tiki", "site": ""}, SERVER, proxied=True, rules=RULE), Path("c.ini"), {})

    assert (config.tiki.path, config.tiki.site) == (Path("/var/www/tiki"), "")
    assert (config.server.port, config.server.public_url) == (8025, "https://www.example.org/wiki")
    assert [str(each) for each in config.server.trusted_proxies] == ["127.0.0.1/32", "::1/128"]
    assert [rule.name for rule in config.rules] == ["first"]
    assert not config.dashboard.enabled


def test_without_a_web_server_in_front_nobody_is_trusted_and_without_rules_an_example_stands_in_a_comment() -> None:
    text = draft({"path": "/var/www/tiki"}, {"port": "80"}, proxied=False)
    config = read(text, Path("c.ini"), {})

    assert (config.server.trusted_proxies, config.rules) == ((), ())
    assert "; [rule first]" in text


@pytest.mark.parametrize("kind", snippets.WEB_SERVERS)
def test_web_servers_pass_tikis_own_path_on_wherever_tiki_is(kind: str) -> None:
    there = read(draft({"path": "/t"}, SERVER, proxied=True), Path("c.ini"), {}).server
    v6 = read(draft({"path": "/t"}, {"host": "::1"}, proxied=True), Path("c.ini"), {}).server

    assert "/wiki/tiki-webhooks.php" in snippets.web_server(kind, there)
    assert "http://127.0.0.1:8025/tiki-webhooks.php" in snippets.web_server(kind, there)
    assert "http://[::1]:8025/webhooks/" in snippets.web_server(kind, v6)


def test_the_unit_runs_this_program_with_the_config_as_a_user_who_may_read_tiki(tmp_path: Path) -> None:
    unit = snippets.unit(tmp_path / "config.ini", "wiki")

    assert f" serve -c {tmp_path}/config.ini\n" in unit
    assert "User=wiki\n" in unit
    assert Path(snippets.command().split()[0]).is_absolute()
    assert unit.count("$") == unit.count("$MAINPID") == 1


def test_tikis_owner_reads_its_files_but_never_root(tmp_path: Path) -> None:
    owner = tmp_path.owner()

    assert snippets.reader_of(tmp_path) == ("www-data" if owner == "root" else owner)
