"""The least rights tikisync needs in Tiki's database, table by table, as MySQL and MariaDB grant them.

``RUNNING`` is all that the running service reads and writes of Tiki's: who makes it use another table says so here.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping

_DELETED_WITH_ITEMS = "SELECT, DELETE"
RUNNING: Mapping[str, str] = {
    # how Tiki is set up, and who may do what
    "tiki_preferences": "SELECT",
    "tiki_webhooks": "SELECT",
    "users_users": "SELECT (userId, login, email, default_group)",  # no password hashes
    "users_groups": "SELECT",
    "users_usergroups": "SELECT",
    "tiki_group_inclusion": "SELECT",
    "users_grouppermissions": "SELECT",
    "users_objectpermissions": "SELECT, DELETE",
    "tiki_categories": "SELECT",
    "tiki_categories_roles": "SELECT",
    "tiki_files": "SELECT",
    "tiki_articles": "SELECT",
    "tiki_pages": "SELECT",
    # trackers and items
    "tiki_trackers": "SELECT, UPDATE",
    "tiki_tracker_fields": "SELECT",
    "tiki_tracker_options": "SELECT",
    "tiki_tracker_items": "SELECT, INSERT, UPDATE, DELETE",
    "tiki_tracker_item_fields": "SELECT, INSERT, UPDATE, DELETE",
    "tiki_tracker_item_field_logs": "SELECT, INSERT, DELETE",
    "tiki_actionlog_conf": "SELECT",
    "tiki_actionlog": "SELECT, INSERT",
    "tiki_queue": "INSERT",
    # what belongs to an item: its object, categories, relations, attributes, tags, links
    "tiki_objects": "SELECT, INSERT, UPDATE, DELETE",
    "tiki_categorized_objects": "SELECT, INSERT, DELETE",
    "tiki_category_objects": "SELECT, INSERT, DELETE",
    "tiki_object_relations": "SELECT, INSERT, DELETE",
    "tiki_object_attributes": "SELECT, INSERT, UPDATE, DELETE",
    "tiki_freetags": "SELECT, INSERT, DELETE",
    "tiki_freetagged_objects": "SELECT, INSERT, DELETE",
    "tiki_links": "SELECT, INSERT, DELETE",
    "tiki_file_backlinks": "SELECT, INSERT, DELETE",
    "tiki_translated_objects": "SELECT, UPDATE, DELETE",
    "tiki_comments": _DELETED_WITH_ITEMS,
    "tiki_group_watches": _DELETED_WITH_ITEMS,
    "tiki_tracker_item_attachments": _DELETED_WITH_ITEMS,
    "tiki_user_votings": _DELETED_WITH_ITEMS,
    "tiki_user_watches": _DELETED_WITH_ITEMS,
    # contacts
    "tiki_webmail_contacts": "SELECT, INSERT, UPDATE",
    "tiki_webmail_contacts_ext": "SELECT, INSERT, UPDATE, DELETE",
    "tiki_webmail_contacts_fields": "SELECT, INSERT",
    "tiki_webmail_contacts_groups": "SELECT, INSERT, DELETE",
}

DASHBOARD: Mapping[str, str] = {  # it checks passwords
    "users_users": "SELECT (userId, login, email, default_group, hash, waiting, pass_confirm, twoFactorSecret)",
}


def running(own: Iterable[str], *, dashboard: bool = False) -> dict[str, str]:
    """Return privileges by table for the running service; ``own`` are the names of tikisync's tables."""
    rights = {**RUNNING, **DASHBOARD} if dashboard else RUNNING
    return {**rights, **dict.fromkeys(own, "SELECT, INSERT, UPDATE, DELETE")}


def setting_up(own: Iterable[str]) -> dict[str, str]:
    """Return privileges by table for ``tikisync setup``: to make and upgrade tikisync's own tables, no others."""
    return dict.fromkeys(own, "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, DROP")


def statements(
    database: str, user: str, host: str, privileges: Mapping[str, str], present: Container[str]
) -> list[str]:
    """Return the GRANT statements that give an existing account these privileges.

    ``present`` holds the tables there are: a server refuses grants on others, unless they include CREATE.
    """
    account = f"{_text(user)}@{_text(host)}"
    return [
        f"GRANT {granted} ON {_name(database)}.{_name(table)} TO {account};"
        for table, granted in privileges.items()
        if table in present or "CREATE" in granted
    ]


def _name(text: str) -> str:
    return "`" + text.replace("`", "``") + "`"


def _text(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
