"""Tiki's preferences: the table ``tiki_preferences``, its built-in defaults below, forced ones above (Tiki 24.4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from zoneinfo import ZoneInfo

from tikisync.core.date_format import DateFormat
from tikisync.core.php_serialize import unserialize
from tikisync.database import Transaction

SWITCH = "auth_webhooks"

_ON = """
    categories_cache_refresh_on_object_cat change_password feature_actionlog feature_file_galleries feature_jquery_ui
    feature_search feature_warn_on_edit feature_wiki freetags_lowercase_only tiki_same_day_time_only
    tracker_always_notify unified_incremental_update wikiplugin_kaltura wysiwyg_htmltowiki
    trackerfield_category trackerfield_checkbox trackerfield_countryselector trackerfield_datetime trackerfield_dropdown
    trackerfield_duration trackerfield_email trackerfield_email_folder trackerfield_files trackerfield_freetags
    trackerfield_header trackerfield_icon trackerfield_itemlink trackerfield_jscalendar trackerfield_language
    trackerfield_location trackerfield_multiselect trackerfield_numeric trackerfield_pageselector trackerfield_radio
    trackerfield_statictext trackerfield_text trackerfield_textarea trackerfield_url trackerfield_userselector
    trackerfield_wiki
"""
_OFF = """
    auth_webhooks feature_articles feature_categories feature_contacts feature_daily_report_watches feature_freetags
    feature_group_watches feature_intertiki feature_kaltura feature_multilingual feature_score feature_search_fulltext
    feature_sefurl feature_trackers feature_user_watches feature_webmail feature_webservices feature_wiki_userpage
    freetags_multilingual
    goal_enabled groupTracker
    activity_basic_events activity_custom_events login_allow_email monitor_enabled mustread_enabled restrict_language
    site_closed tracker_autoincrement_resettable tracker_refresh_itemlink_detail tracker_refresh_itemslist_detail
    tracker_system_currency tracker_tabular_enabled tracker_wikirelation_synctitle twoFactorAuth user_trackersync_geo
    user_trackersync_lang user_selector_realnames_tracker user_unique_email userTracker validateEmail
    wiki_creator_admin
    trackerfield_action trackerfield_articles trackerfield_autoincrement trackerfield_calendaritem trackerfield_computed
    trackerfield_currency trackerfield_dropdownother trackerfield_dynamiclist trackerfield_file
    trackerfield_geographicfeature trackerfield_groupselector trackerfield_image trackerfield_ingroup
    trackerfield_ipaddress trackerfield_itemslist trackerfield_kaltura trackerfield_ldap trackerfield_math
    trackerfield_rating trackerfield_relation trackerfield_showtikiorg trackerfield_stars trackerfield_starsystem
    trackerfield_subscription trackerfield_usergroups trackerfield_userpreference trackerfield_webservice
"""

DEFAULTS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(_ON.split(), "y"),
        **dict.fromkeys(_OFF.split(), "n"),
        "auth_method": "tiki",
        "available_languages": "",
        "email_due": "-1",
        "feature_intertiki_mymaster": "",
        "feature_wiki_userpage_prefix": "User:",
        "freetags_normalized_valid_chars": "",
        "language": "en",
        "long_date_format": "%A %B %e, %Y",
        "long_time_format": "%H:%M:%S %Z",
        "pass_due": "-1",
        "server_timezone": "UTC",  # in Tiki: the one of its PHP
        "short_date_format": "%Y-%m-%d",
        "short_time_format": "%H:%M",
        "tracker_system_currency_currency": "",
        "tracker_system_currency_date": "",
        "tracker_system_currency_direction": "straight",
        "tracker_system_currency_rate": "",
        "tracker_system_currency_tracker": "",
        "unified_engine": "mysql",
        "unified_trackerfield_keys": "permName",
        "user_trackersync_groups": "",
        "user_trackersync_realname": "",
        "user_trackersync_trackers": "",
        "users_prefs_display_timezone": "Local",
        "warn_on_edit_time": "2",
    }
)
"""The preferences tikisync asks for, by name (Tiki: lib/prefs/*.php, lib/core/Tracker/Field/*.php)."""


@dataclass(frozen=True, slots=True)
class Preferences:
    """The values in force, by name; asking for a name that is not in DEFAULTS is a bug and raises KeyError."""

    _values: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def is_on(self, name: str) -> bool:
        """Tell whether a preference is exactly ``y``, the only text that Tiki takes for yes."""
        return self._values[name] == "y"

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages in ``available_languages``; none where the list is empty or broken."""
        try:
            languages = unserialize(self._values["available_languages"])
        except ValueError:
            return ()
        if isinstance(languages, dict):  # a PHP array with gaps in its numbers
            languages = list(languages.values())
        return tuple(each for each in languages if isinstance(each, str)) if isinstance(languages, list) else ()

    @property
    def dates(self) -> DateFormat:
        """How Tiki writes dates into an item's history; of time zones it only knows the site's for a webhook."""
        pattern = f"{self._values['short_date_format']} {self._values['short_time_format']}"
        try:
            return DateFormat(pattern, ZoneInfo(self._values["server_timezone"]))
        except (KeyError, ValueError, OSError):  # no zone of that name here
            return DateFormat(pattern)


def load(tx: Transaction, forced: Mapping[str, str]) -> Preferences:
    """Read all preferences that tikisync knows, in one query; ``forced`` ones (system_ini) stand above the table."""
    return tx.once("preferences", lambda: Preferences({**DEFAULTS, **_stored(tx, DEFAULTS), **forced}))


def switch_is_on(tx: Transaction, forced: Mapping[str, str]) -> bool:
    """Tell whether Tiki accepts webhooks at all."""
    return Preferences({**DEFAULTS, **_stored(tx, (SWITCH,)), **forced}).is_on(SWITCH)


def _stored(tx: Transaction, names: Iterable[str]) -> dict[str, str]:
    sql = "SELECT `name`, `value` FROM `tiki_preferences` WHERE `name` IN :names"
    rows = tx.all(sql, names=list(names))
    # NULL overrides a default by nothing. SQL compares names without case, Tiki compares them exactly.
    return {str(row["name"]): row["value"] or "" for row in rows if row["name"] in DEFAULTS}
