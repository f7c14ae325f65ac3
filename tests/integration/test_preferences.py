"""Preferences as Tiki's own code would see them."""

from __future__ import annotations

import pytest

from tests import golden
from tikisync.core.php_serialize import serialize
from tikisync.database import Database
from tikisync.tiki import preferences
from tikisync.tiki.preferences import DEFAULTS


@pytest.fixture(params=["tiki_as_admin", "sqlite_tiki"])
def site(request: pytest.FixtureRequest) -> Database:
    """A Tiki's database, on the server and in SQLite."""
    found: Database = request.getfixturevalue(request.param)
    return found


def _set(site: Database, name: str, value: str | None) -> None:
    with site.transaction() as tx:
        tx.upsert_many("tiki_preferences", [{"name": name, "value": value}], key=("name",))


def test_stored_values_stand_above_the_defaults(site: Database) -> None:
    with site.transaction() as tx:
        prefs = preferences.load(tx, {})
    recorded = {row["name"]: row["value"] for row in golden.fixture()["rows"]["tiki_preferences"]}
    for name in DEFAULTS:
        assert prefs[name] == recorded.get(name, DEFAULTS[name])
    assert prefs.languages == ("en", "fr")
    assert (prefs["validateEmail"], prefs["short_date_format"]) == ("n", "%Y-%m-%d")  # no rows for them


def test_forced_values_stand_above_stored_ones(site: Database) -> None:
    forced = {"trackerfield_text": "1", "available_languages": serialize(["de"]), "unknown_here": "y"}
    with site.transaction() as tx:
        prefs = preferences.load(tx, forced)
    assert prefs["trackerfield_text"] == "1"
    assert not prefs.is_on("trackerfield_text")  # an unquoted yes in the ini is 1, which Tiki takes for off
    assert prefs.languages == ("de",)


def test_only_a_lower_case_y_is_on(site: Database) -> None:
    for value in ("Y", "yes", "1", "", None, "n"):
        _set(site, "auth_webhooks", value)
        with site.transaction() as tx:
            assert not preferences.switch_is_on(tx, {})
            assert not preferences.load(tx, {}).is_on("auth_webhooks")
    _set(site, "auth_webhooks", "y")
    with site.transaction() as tx:
        assert preferences.switch_is_on(tx, {})


def test_the_switch_is_off_where_it_was_never_set_or_is_forced_off(site: Database) -> None:
    with site.transaction() as tx:
        assert not preferences.switch_is_on(tx, {"auth_webhooks": "n"})
        tx.delete("tiki_preferences", {"name": "auth_webhooks"})
        assert not preferences.switch_is_on(tx, {})
        assert preferences.switch_is_on(tx, {"auth_webhooks": "y"})


def test_an_empty_or_null_value_is_a_value_and_no_default(site: Database) -> None:
    _set(site, "feature_search", "")
    _set(site, "unified_incremental_update", None)
    with site.transaction() as tx:
        prefs = preferences.load(tx, {})
    assert (prefs["feature_search"], prefs["unified_incremental_update"]) == ("", "")


def test_a_name_in_another_spelling_does_not_count(site: Database) -> None:
    with site.transaction() as tx:
        tx.delete("tiki_preferences", {"name": "auth_webhooks"})
        tx.insert("tiki_preferences", {"name": "AUTH_Webhooks", "value": "y"})
        assert not preferences.switch_is_on(tx, {})
        assert not preferences.load(tx, {}).is_on("auth_webhooks")


@pytest.mark.parametrize("value", ["", "fr", 'a:1:{i:0;s:9:"fr";}', "i:1;", 's:2:"fr";'])
def test_a_list_of_languages_that_is_none_is_empty(sqlite_tiki: Database, value: str) -> None:
    _set(sqlite_tiki, "available_languages", value)
    with sqlite_tiki.transaction() as tx:
        assert preferences.load(tx, {}).languages == ()


def test_a_list_of_languages_may_have_gaps(sqlite_tiki: Database) -> None:
    _set(sqlite_tiki, "available_languages", 'a:2:{i:0;s:2:"en";i:2;s:2:"fr";}')
    with sqlite_tiki.transaction() as tx:
        assert preferences.load(tx, {}).languages == ("en", "fr")


def test_asking_for_an_unknown_preference_is_a_bug(sqlite_tiki: Database) -> None:
    with sqlite_tiki.transaction() as tx, pytest.raises(KeyError):
        preferences.load(tx, {})["no_such_preference"]
