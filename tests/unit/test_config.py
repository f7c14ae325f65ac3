"""The config file: every key becomes a value, and every problem in it is reported at once."""

from __future__ import annotations

import re
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tikisync.config import (
    Config,
    DoorSettings,
    HandlerSettings,
    InboxSettings,
    LogSettings,
    ServerSettings,
    WorkerSettings,
    load,
)
from tikisync.config.ini import parse
from tikisync.config.settings import DAY
from tikisync.core.deaths import Bounds
from tikisync.core.door import Rate
from tikisync.core.recipes.senders import RECIPES
from tikisync.core.retry import RetrySettings
from tikisync.errors import ConfigError

URL = "mysql+pymysql://u:p@h/d"
TIKI = f"[tiki]\nurl = {URL}\n"
RULE = "[rule a]\nhandler = Shop\ntracker = Orders\n"
EXAMPLE = Path(__file__).parents[2] / "config.example.ini"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.ini"


def _load(file: Path, text: str, **environment: str) -> Config:
    file.write_text(text, encoding="utf-8")
    return load(file, environment)


def _problems(file: Path, text: str, **environment: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        _load(file, text, **environment)
    return caught.value.problems


def test_the_example_loads_and_shows_every_key_and_the_defaults() -> None:
    config = load(EXAMPLE, {})
    assert config.tiki.path == Path("/var/www/tiki")
    assert (config.server, config.worker, config.log) == (ServerSettings(), WorkerSettings(), LogSettings())
    assert config.handlers == {"Shop": HandlerSettings(recipe=RECIPES["shopify"])}
    assert [rule.action for rule in config.rules] == ["write", "write", "close", "ignore", "write", "write"]


def test_the_commented_lines_of_the_example_are_keys_that_load(file: Path) -> None:
    lines = [re.sub(r"^; ([a-z_.]+ = )", r"\1", line) for line in EXAMPLE.read_text().splitlines()]
    text = "\n".join(line for line in lines if not re.match(r"(path|url_file|site) = ", line))
    config = _load(file, text)
    assert config.tiki.url and config.tiki.url.startswith("mysql+pymysql://tikisync:")
    assert config.tiki.system_configuration_file == Path("/etc/tiki.ini")
    assert config.tiki.system_configuration_identifier == "shop"
    assert config.handlers["Shop"].topic == "x-shop-event"
    assert config.handlers["Shop"].delivery_id == "x-shop-delivery"
    assert config.server.public_url == "https://www.example.org"
    assert config.handlers["Shop"].allow == (ip_network("192.0.2.0/24"), ip_network("2001:db8::/32"))
    assert config.door == DoorSettings(Rate(6_000, 60), Rate(60_000, 60), 20, Path("/var/lib/tikisync/refused"))
    assert config.server.trusted_proxies == (ip_network("127.0.0.1"), ip_network("::1"))
    assert config.rules_page == "TikisyncRules"


def test_every_setting_has_its_effect(file: Path) -> None:
    config = _load(file, """
        [tiki]
        path = wiki
        site = a.example
        [server]
        host = ::
        port = 80
        body_limit = 25 MiB
        trusted_proxies = 10.0.0.0/8
        spool = var/spool
        spool_limit = 1 GiB
        [worker]
        enabled = no
        batch = 1
        lease = 2 min
        poll = 500 ms
        time_limit = 2 min
        memory_limit = 1 GiB
        first_delay = 2 s
        longest_delay = 1 h
        attempts = 3
        attempts_at_bugs = 2
        [inbox]
        keep = 2 weeks
        [log]
        level = debug
        format = json
        [handler Shop 2]
        delivery_id = X-Id
        duplicates = accept
        topic = X-Topic
    """)  # fmt: skip
    assert (config.tiki.path, config.tiki.site, config.tiki.url) == (file.parent / "wiki", "a.example", None)
    spool = file.parent / "var" / "spool"
    proxies = (ip_network("10.0.0.0/8"),)
    assert config.server == ServerSettings("::", 80, 25 << 20, proxies, spool=spool, spool_limit=1 << 30)
    assert config.worker == WorkerSettings(
        False, 1, 120_000, 500, RetrySettings(2000, 3_600_000, 3, 2), Bounds(120, 1 << 30)
    )
    assert config.inbox == InboxSettings(14 * DAY)
    assert config.log == LogSettings("DEBUG", "json")
    assert config.handlers == {"Shop 2": HandlerSettings("x-id", "accept", "x-topic")}
    assert config.source == str(file)


@pytest.mark.parametrize(
    ("given", "days"), [("1 day", 1), ("90 Days", 90), ("2 months", 60), ("1 year", 365), ("Forever", None)]
)
def test_deliveries_are_kept_for_as_long_as_people_say(file: Path, given: str, days: int | None) -> None:
    keep = _load(file, f"{TIKI}[inbox]\nkeep = {given}").inbox.keep
    assert keep == (None if days is None else days * DAY)


def test_the_spool_can_be_switched_off_and_has_bounds(file: Path) -> None:
    assert _load(file, TIKI + "[server]\nspool = Off\n").server.spool == "off"
    (problem,) = _problems(file, TIKI + "[server]\nspool_limit = 1 KiB\n")
    assert "such as 64 MiB" in problem


def test_a_rule_is_read_whole(file: Path) -> None:
    (rule,) = _load(file, TIKI + RULE.replace("Shop", "Shop, Shop 2026") + """
when = topic == 'a ; b'   ; a comment
  || topic == 'c'
each = body.lines
key = a , b
field.a = each.id
field.b = index
field.c = body.text
field.c.trust = html
status = 'closed'
version = body.updated_at
contact.email = body.email
contact.Work Phone = body.phone
""").rules  # fmt: skip
    assert rule.handlers == ("Shop", "Shop 2026")
    assert rule.when and rule.when.text == "topic == 'a ; b' || topic == 'c'"
    assert (rule.tracker, rule.key, rule.action) == ("Orders", ("a", "b"), "write")
    assert {name: expression.text for name, expression in rule.fields.items()} == {
        "a": "each.id", "b": "index", "c": "body.text"}  # fmt: skip
    assert (rule.trust, set(rule.contact)) == ({"c": "html"}, {"email", "Work Phone"})
    assert rule.each and rule.status and rule.item is None
    assert rule.version and rule.version.text == "body.updated_at"


def test_a_version_needs_an_item_to_compare_with(file: Path) -> None:
    (told,) = _problems(file, TIKI + RULE + "field.a = body.a\nversion = body.v\n")
    assert "version (line" in told and "give key or item" in told
    (told,) = _problems(file, TIKI + "[rule a]\nhandler = Shop\ncontact.email = body.e\nversion = body.v\n")
    assert "this is for tracker items" in told


def test_passwords_do_not_show(file: Path) -> None:
    config = _load(file, TIKI.replace("u:p@", "u:hidden@"))
    assert config.tiki.url == "mysql+pymysql://u:hidden@h/d"
    assert "hidden" not in repr(config)
    assert "hidden" not in str(_problems(file, "[tiki]\nurl = mysql://u:hidden@h/d\n"))


def test_the_environment_stands_above_the_file(file: Path) -> None:
    config = _load(file, "[tiki]\npath = /var/www/tiki\n", TIKISYNC_DATABASE_URL=URL)
    assert (config.tiki.url, config.tiki.path) == (URL, Path("/var/www/tiki"))
    assert _load(file, "", TIKISYNC_DATABASE_URL=URL).tiki.url == URL
    (problem,) = _problems(file, TIKI, TIKISYNC_DATABASE_URL="mysql://x:y@z/d")
    assert problem.startswith("TIKISYNC_DATABASE_URL in the environment: this is no database URL")


def test_the_url_may_stand_in_a_file_of_its_own(file: Path, tmp_path: Path) -> None:
    text = "[tiki]\nurl_file = secret\n"
    assert _problems(file, text) == ("[tiki] url_file (line 2): the file cannot be read: No such file or directory",)
    (tmp_path / "secret").write_text(f"{URL}\n")
    assert _load(file, text).tiki.url == URL
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "secret").write_text("sqlite:///other.db")
    assert _load(file, text, CREDENTIALS_DIRECTORY=str(tmp_path / "credentials")).tiki.url == "sqlite:///other.db"
    (tmp_path / "secret").write_bytes(b"\xff")
    assert _problems(file, text) == ("[tiki] url_file (line 2): the file is not UTF-8 text; save it as UTF-8",)


def test_a_file_that_cannot_be_read_is_said_so(file: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load(file)
    file.write_bytes(b"[tiki]\nurl = \xe9\n")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(file)


def test_a_byte_order_mark_and_windows_lines_are_fine(file: Path) -> None:
    file.write_bytes(("\ufeff" + TIKI + RULE + "field.a =\tbody.a\n").replace("\n", "\r\n").encode())
    assert load(file, {}).rules[0].fields["a"].text == "body.a"


def test_all_problems_are_reported_at_once(file: Path) -> None:
    text = """key = before
[tiki]
path = /a
url = mysql+pymysql://u:p@h/d
[sever]
[server]
prot = 80
port = 0
body_limit = 1
trusted_proxies = nowhere
nonsense
port = 81
[worker]
enabled = maybe
lease = 1 s
first_delay = 10 min
[log]
level =
[log]
[handler]
[handler A]
duplicates = never
topic = X Topic
[rule]
[rule a]
"""
    assert (
        "\n".join(_problems(file, text))
        == """\
line 1: a key before the first [section]; write the section above it
line 11: this is no [section], no key = value and no comment
[server] port (line 12) is there already (line 8); give it once
[log] (line 19) is there already (line 17); give each section once
[sever] (line 5): there is no such section; did you mean server?
[server] prot (line 7): there is no such key; did you mean port?
[server] port (line 8): give a whole number from 1 to 65535
[server] body_limit (line 9): give a number with a unit (kib, mib) within bounds, such as 1 MiB
[server] trusted_proxies (line 10): give addresses or networks separated by commas, such as 127.0.0.1, 10.0.0.0/8
[worker] enabled (line 14): give one of yes, no
[worker] lease (line 15): give a number with a unit (ms, s, min, h) within bounds, such as 30 s
[log] level (line 18): give one of DEBUG, INFO, WARNING, ERROR
[handler] (line 20): it has no name; write [handler NAME]
[handler A] duplicates (line 22): give one of id, body, id+body, accept
[handler A] topic (line 23): give the name of a header, such as X-GitHub-Delivery
[rule] (line 24): it has no name; write [rule NAME]
[rule a] handler (line 25): name the handler in Tiki's admin whose deliveries this rule is for: handler = Shop
[rule a] (line 25): it would write nothing: name the tracker to write to (tracker = …), or give contact.email = …
[worker] first_delay (line 16): it is longer than longest_delay
[tiki] url (line 4): give only one of path, url"""
    )


@pytest.mark.parametrize(
    ("lines", "where", "what"),
    [
        ("", "[tiki] (line 1)", "say where Tiki is: path = the folder of your Tiki, or url = its database"),
        ("[tiki]\npath =", "[tiki] path (line 2)", "it is empty; give a value or leave the line out"),
        (TIKI + "site = a", "[tiki] site (line 3)", "it chooses among the sites of a path"),
        (TIKI + "system_configuration_identifier = a", "[tiki] system_configuration_identifier (line 3)",
         "give system_configuration_file too"),
        (TIKI + "[server]\nbody_limit = 60 MiB\n[worker]\nmemory_limit = 512 MiB",
         "[worker] memory_limit (line 6)",
         "with this body_limit it must be at least 576 MiB"),
        (TIKI + "[inbox]\nkeep = 0 days", "[inbox] keep (line 4)", "give a number of hours, days, weeks, months or "),
        (TIKI + "[zzz]", "[zzz] (line 3)", "there is no such section; there are tiki, server, door, worker, inbox, "),
        (TIKI + "[log]\nqqq = 1", "[log] qqq (line 4)", "there is no such key; there are level, format"),
    ],
)  # fmt: skip
def test_each_problem_of_the_settings_says_what_would_be_right(file: Path, lines: str, where: str, what: str) -> None:
    (problem,) = _problems(file, lines)
    assert problem.startswith(f"{where}: {what}")


@pytest.mark.parametrize(
    ("lines", "where", "what"),
    [
        ("", "(line 3)", "it would write nothing: add a line field.NAME = … for each field, by its permanent name"),
        ("field.a = bdy.a", "field.a (line 6)", "there is no bdy in a delivery; did you mean body?"),
        ("field.a = Zz", "field.a (line 6)", "there is no Zz in a delivery; it has body, headers, query, topic, hand"),
        ('field.a = topic == "b c"', "field.a (line 6)", "there is no b c in a delivery; it has body, headers, "),
        ("field.a = each.a", "field.a (line 6)", "each is known only in a rule with each = …"),
        ("each = each.a\nfield.a = index", "each (line 6)", "there is no each in a delivery; it has body"),
        ('field.a = headers."X-A"', "field.a (line 6)", 'header names are in lower case here: headers."x-a"'),
        ("field.a = ", "field.a (line 6)", "the expression is empty; write '' (two single quotes) for empty text"),
        ("field.a = body.", "field.a (line 6)", "the expression ends too early:\n  body.\n       ^"),
        ("field.a.b = body", "field.a.b (line 6)", "there is no such key; did you mean field.NAME?"),
        ("field. = body", "field. (line 6)", "there is no such key; did you mean field.NAME?"),
        ("field.a = body\ncontact.email = body\ncontact. = body", "contact. (line 8)", "there is no such key; did "),
        ("field.a = body\nfield.b.trust = html", "field.b.trust (line 7)", "there is no field.b here to trust"),
        ("field.a = body\nfield.a.trust = all", "field.a.trust (line 7)", "give one of html, wiki"),
        ("field.ab = body\nkey = abc", "key (line 7)", "say where its value comes from: field.abc = …; did you m"),
        ("field.a = body\nkey = a, a", "key (line 7)", "a is named twice"),
        ("field.a = body\nkey = a\nitem = body", "item (line 8)", "give key or item, not both"),
        ("action = close", "action (line 6)", "say which item to close: give key, or item with its id"),
        ("action = close\nitem = body\nstatus = 'o'", "status (line 8)", "action = close takes no status"),
        ("action = delete\nkey = a\nfield.a = body\nfield.b = body", "field.b (line 9)", "an item that is deleted"),
        ("action = delete\nitem = body\nfield.b = body", "field.b (line 8)", "an item that is deleted takes no values"),
        ("action = drop\nkey = x", "action (line 6)", "give one of write, close, delete, ignore"),
        ("action = ignore", "tracker (line 5)", "a rule with action = ignore writes nothing; remove this line"),
        ("status = 'shipped'", "status (line 6)", "a status is o, p or c (open, pending, closed)"),
        ("status = lower(`1`)", "status (line 6)", "lower() takes string or null, got number"),
        ("field.a = body\ncontact.Company = body", "(line 3)", "a contact is found by its e-mail address: add"),
    ],
)  # fmt: skip
def test_each_problem_of_a_rule_says_what_would_be_right(file: Path, lines: str, where: str, what: str) -> None:
    (problem,) = _problems(file, TIKI + RULE + lines)
    assert problem.startswith(f"[rule a] {where}: {what}")


def test_what_is_for_items_needs_a_tracker(file: Path) -> None:
    problems = _problems(
        file, TIKI + "[rule a]\nhandler = ,\ncontact.email = body.e\nkey = x\nfield.x = body\naction=write"
    )
    assert problems[0].startswith("[rule a] handler (line 4): name the handler")
    assert [problem.partition(": ")[0] for problem in problems[1:]] == [
        "[rule a] key (line 6)", "[rule a] field.x (line 7)", "[rule a] action (line 8)"]  # fmt: skip


def test_the_fingerprint_follows_the_rules_and_topics(file: Path) -> None:
    rules = RULE + "field.a = body.a\n"
    first = _load(file, TIKI + rules).fingerprint
    assert re.fullmatch("[0-9a-f]{16}", first)
    assert _load(file, "; note\n" + TIKI + rules + "[log]\nformat = json").fingerprint == first
    assert _load(file, TIKI + rules.replace("body.a", "body.b")).fingerprint != first
    assert _load(file, TIKI + rules + "[handler Shop]\ntopic = x-t").fingerprint != first


def test_continuation_comments_and_quotes_are_told_apart() -> None:
    file = parse("""
# one
[a]   ; section
x = 1 ;comment
 ; not a value
  2;3 ; four
y = ';' ; "
z='it''s ; x' ; y
w = it's ; a comment
[b  c] # section
  x = `"a ; b"` ; c
  y = 2
   3
""")
    texts = {
        name: {key: entry.text for key, entry in section.entries.items()} for name, section in file.sections.items()
    }
    assert texts == {
        "a": {"x": "1 2;3", "y": "';'", "z": "'it''s ; x'", "w": "it's"},
        "b c": {"x": '`"a ; b"`', "y": "2 3"},
    }
    assert not file.problems


@given(st.text(st.sampled_from("a=[] ;#'\"`\\\n\r\t."), max_size=60))
def test_any_text_is_read_or_its_lines_reported(text: str) -> None:
    file = parse(text)
    for section in file.sections.values():
        for key, entry in section.entries.items():
            assert (key, entry.text) == (key.strip(), entry.text.strip())
            assert "\n" not in entry.text


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.mktemp("config") / "c.ini"
    file.write_text(f"[rule a]\nwhen = {text}\n", encoding="utf-8", errors="surrogateescape", newline="")
    with pytest.raises(ConfigError):  # at least for the missing [tiki]
        load(file, {})


def test_the_door_s_rates_and_a_handler_s_addresses_are_read(file: Path) -> None:
    config = _load(file, TIKI + """
[door]
per_address = 10 / s
per_handler = OFF
keep_refused = 0
[handler Shop]
allow = 192.0.2.0/24, 2001:db8::1
""")  # fmt: skip
    assert config.door == DoorSettings(Rate(10, 1), Rate(0, 1), 0)
    assert config.handlers["Shop"].allow == (ip_network("192.0.2.0/24"), ip_network("2001:db8::1"))
    assert _load(file, TIKI).door == DoorSettings(None, Rate(60_000, 60), 20)


@pytest.mark.parametrize("given", ["10", "0/s", "10/d", "/s", "-1/s"])
def test_a_rate_that_is_none_says_how_to_write_one(file: Path, given: str) -> None:
    (told,) = _problems(file, TIKI + f"[door]\nper_address = {given}\n")
    assert "such as 600/min, or off" in told
