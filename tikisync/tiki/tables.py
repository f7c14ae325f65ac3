"""The tables of Tiki's that the running service reads and writes: rights, columns, and what a site may lack.

Who makes tikisync use another table or column says so here; ``check`` and ``tikisync grants`` go by it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tikisync.database import Transaction
from tikisync.database import tables as database_tables


@dataclass(frozen=True, slots=True)
class Table:
    """How a table is used."""

    rights: str  # the least that MySQL and MariaDB have to grant
    columns: str  # those that tikisync names, except where it can do without
    is_private: bool = False  # holds what is none of tikisync's business: it reads no other columns
    is_optional: bool = False  # some sites do without it


_LINKED = "SELECT, INSERT, DELETE"
_WITH_ITEM = "SELECT, DELETE"  # deleted with the item it is about

TABLES: Mapping[str, Table] = {
    # how Tiki is set up, and who may do what
    "tiki_preferences": Table("SELECT", "name value"),
    "tiki_webhooks": Table("SELECT", "webhookId name user verification algo signatureHeader secret"),
    "users_users": Table("SELECT", "userId login email default_group", is_private=True),
    "users_groups": Table("SELECT", "id groupName groupDefCat"),
    "users_usergroups": Table("SELECT", "userId groupName"),
    "tiki_group_inclusion": Table("SELECT", "groupName includeGroup"),
    "users_grouppermissions": Table("SELECT", "groupName permName"),
    "users_objectpermissions": Table("SELECT, DELETE", "groupName permName objectType objectId"),
    "tiki_categories": Table("SELECT", "categId name parentId"),
    "tiki_categories_roles": Table("SELECT", "categId categRoleId groupRoleId groupId", is_optional=True),
    "tiki_files": Table("SELECT", "fileId filetype", is_private=True),
    "tiki_articles": Table("SELECT", "articleId", is_private=True, is_optional=True),
    "tiki_pages": Table("SELECT", "pageName", is_private=True),
    # trackers and items
    "tiki_trackers": Table("SELECT, UPDATE", "trackerId name items lastModif"),
    "tiki_tracker_fields": Table(
        "SELECT",
        "fieldId trackerId permName name type position options isMain isMandatory isMultilingual isHidden visibleBy "
        "editableBy",
    ),
    "tiki_tracker_options": Table("SELECT", "trackerId name value"),
    "tiki_tracker_items": Table(
        "SELECT, INSERT, UPDATE, DELETE", "itemId trackerId created createdBy lastModif lastModifBy status"
    ),
    "tiki_tracker_item_fields": Table("SELECT, INSERT, UPDATE, DELETE", "itemId fieldId value"),
    "tiki_tracker_item_field_logs": Table("SELECT, INSERT, DELETE", "version itemId fieldId value"),
    "tiki_actionlog_conf": Table("SELECT", "action objectType status"),
    "tiki_actionlog": Table("INSERT", "action lastModif object objectType user ip comment client"),
    "tiki_queue": Table("INSERT", "queue timestamp handler message"),
    # what belongs to an item: its object, categories, relations, attributes, tags, links
    "tiki_objects": Table(
        "SELECT, INSERT, UPDATE, DELETE", "objectId type itemId description name href created hits comments_locked"
    ),
    "tiki_categorized_objects": Table(_LINKED, "catObjectId"),
    "tiki_category_objects": Table(_LINKED, "catObjectId categId"),
    "tiki_object_relations": Table(_LINKED, "relationId relation source_type source_itemId target_type target_itemId"),
    "tiki_object_attributes": Table("SELECT, INSERT, UPDATE, DELETE", "type itemId attribute value comment"),
    "tiki_freetags": Table(_LINKED, "tagId tag raw_tag lang"),
    "tiki_freetagged_objects": Table(_LINKED, "tagId objectId user created"),
    "tiki_links": Table(_LINKED, "fromPage toPage lastModif"),
    "tiki_file_backlinks": Table(_LINKED, "fileId objectId"),
    "tiki_translated_objects": Table("SELECT, UPDATE, DELETE", "traId type objId lang", is_optional=True),
    "tiki_comments": Table(_WITH_ITEM, "object objectType", is_private=True, is_optional=True),
    "tiki_group_watches": Table(_WITH_ITEM, "object event", is_private=True, is_optional=True),
    "tiki_tracker_item_attachments": Table(_WITH_ITEM, "itemId", is_private=True, is_optional=True),
    "tiki_user_votings": Table(_WITH_ITEM, "id", is_private=True, is_optional=True),
    "tiki_user_watches": Table(_WITH_ITEM, "object event", is_private=True, is_optional=True),
    # contacts
    "tiki_webmail_contacts": Table("SELECT, INSERT, UPDATE", "contactId user firstName lastName email nickname"),
    "tiki_webmail_contacts_ext": Table("SELECT, INSERT, UPDATE, DELETE", "contactId fieldId value hidden"),
    "tiki_webmail_contacts_fields": Table("SELECT, INSERT", "fieldId user fieldname flagsPublic"),
    "tiki_webmail_contacts_groups": Table(_LINKED, "contactId groupName"),
}
WRITTEN = tuple(name for name, table in TABLES.items() if table.rights != "SELECT")


def without_transactions(tx: Transaction) -> list[str]:
    """Return the tables that tikisync writes and whose engine cannot take a statement back, such as MyISAM."""
    return database_tables.without_transactions(tx, WRITTEN)


def narrow(tx: Transaction) -> list[str]:
    """Return the tables that tikisync writes and that have text columns which cannot hold every character."""
    found = database_tables.columns(tx, WRITTEN)
    return [table for table, columns in found.items() if any(column.is_narrow for column in columns.values())]


def problems(tx: Transaction) -> Iterator[tuple[str, str, str]]:
    """Yield (table, what is wrong, what to do) for each thing about Tiki's tables that keeps tikisync from working."""
    found = database_tables.columns(tx, TABLES)
    for name, table in TABLES.items():
        there = found.get(name, {})
        if not there and table.is_optional:
            continue
        if not there:
            hint = "check that the database is the Tiki's, and grant its user what `tikisync grants` prints"
            yield name, "this table is not there, or not to be seen", hint
            continue
        missing = [column for column in table.columns.split() if column not in there]
        if missing:
            hint = "run Tiki's database update (php console.php database:update); tikisync needs a Tiki 25 or newer"
            yield name, f"it has no column {', '.join(missing)}", hint
        unknown = [
            column for column in there.values() if column.is_required and column.name not in table.columns.split()
        ]
        if unknown and "INSERT" in table.rights:
            names = ", ".join(column.name for column in unknown)
            hint = f"give it a default, or let it be NULL (ALTER TABLE {name} …)"
            yield name, f"tikisync does not know its column {names}, which has to be given a value", hint
