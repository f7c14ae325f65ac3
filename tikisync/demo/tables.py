"""The tables of a Tiki that tikisync touches, as SQLite makes them: the same columns, shorter types.

Column facts: db/tiki.sql of Tiki 24.4; ``tiki_webhooks`` of Tiki 25.
"""

from __future__ import annotations

from collections.abc import Iterator

_TABLES = """
tiki_preferences: name text! key, value text
tiki_webhooks: webhookId id, name text!, user text!, verification text!, algo text!, signatureHeader text!,
    secret text!, created int!, lastModif int!
users_users: userId id, email text, login text! unique, default_group text, hash text, waiting text, pass_confirm int,
    twoFactorSecret text
users_groups: id id, groupName text! unique, groupDesc text, userChoice text, groupDefCat int=0,
    expireAfter int=0, anniversary text
users_usergroups: userId int key, groupName text! key, created int, expire int
tiki_group_inclusion: groupName text! key, includeGroup text! key
users_grouppermissions: groupName text! key, permName text! key, value text=''
users_objectpermissions: groupName text! key, permName text! key, objectType text! key, objectId text! key
tiki_trackers: trackerId id, name text, description text, descriptionIsParsed text='0', created int, lastModif int,
    items int
tiki_tracker_options: trackerId int key, name text! key, value text
tiki_tracker_fields: fieldId id, trackerId int, name text, permName text, options text, type text, isMain text,
    isTblVisible text, position int, isSearchable text='y', isPublic text='n', isHidden text='n', isMandatory text='n',
    description text, isMultilingual text='n', itemChoices text, errorMsg text, visibleBy text, editableBy text,
    descriptionIsParsed text='n', validation text='', validationParam text='', validationMessage text='', rules text,
    encryptionKeyId int
tiki_tracker_items: itemId id, trackerId int=0 index, created int, createdBy text, status text, lastModif int,
    lastModifBy text
tiki_tracker_item_fields: itemId int key, fieldId int key, value text index
tiki_tracker_item_field_logs: version int!, itemId int=0 index, fieldId int=0, value text
tiki_actionlog: actionId id, action text='', lastModif int, object text, objectType text='', user text='', ip text,
    comment text, categId int=0, client text, log text
tiki_actionlog_conf: id int, action text='' key, objectType text='' key, status text=''
tiki_queue: entryId id, queue text!, timestamp int!, handler text, message text!
tiki_objects: objectId id, type text, itemId text, description text, created int, name text, href text, hits int,
    comments_locked text='n'
tiki_categories: categId id, name text, description text, parentId int, rootId int=0, hits int
tiki_categories_roles: categId int key, categRoleId int key, groupRoleId int key, groupId int key
tiki_categorized_objects: catObjectId int key
tiki_category_objects: catObjectId int key, categId int key
tiki_object_attributes: attributeId id, type text!, itemId text!, attribute text!, value text, comment text
tiki_object_relations: relationId id, relation text!, source_type text!, source_itemId text!, target_type text!,
    target_itemId text!
tiki_links: fromPage text! key, toPage text! key, lastModif int
tiki_freetags: tagId id, tag text, raw_tag text, lang text
tiki_freetagged_objects: tagId int key, objectId int key, user text='' key, created int=0
tiki_files: fileId id, galleryId int=0, name text, filename text, filetype text
tiki_file_backlinks: fileId int!, objectId int!
tiki_pages: page_id id, pageName text
tiki_translated_objects: traId int key, type text key, objId text key, lang text
tiki_webmail_contacts: contactId id, firstName text, lastName text, email text, nickname text, user text='', uri text
tiki_webmail_contacts_ext: contactId int!, fieldId int!, value text!, hidden int!
tiki_webmail_contacts_fields: fieldId id, user text!, fieldname text!, order int=0, show text='n', flagsPublic text='n'
tiki_webmail_contacts_groups: contactId int key, groupName text! key
"""


def statements() -> Iterator[str]:
    """Yield the CREATE statements; text compares without case, as Tiki's collation does."""
    for line in _TABLES.replace("\n    ", " ").strip().splitlines():
        table, _, columns = line.partition(": ")
        specifications = [column.strip().partition(" ") for column in columns.split(", ")]
        keys = [name for name, _, kind in specifications if kind.endswith(" key")]
        parts = [f"`{name}` {_type(kind)}" for name, _, kind in specifications]
        if keys:
            parts.append("PRIMARY KEY (" + ", ".join(f"`{name}`" for name in keys) + ")")
        yield f"CREATE TABLE `{table}` ({', '.join(parts)})"
        for name, _, kind in specifications:
            if kind.endswith(" index"):
                yield f"CREATE INDEX `{table}_{name}` ON `{table}` (`{name}`)"


def _type(kind: str) -> str:
    """Turn ``text=''``, ``int!``, ``id`` and the like into SQLite's words."""
    if kind == "id":
        return "INTEGER PRIMARY KEY AUTOINCREMENT"
    base, _, extra = kind.partition(" ")
    name, _, default = base.rstrip("!").partition("=")
    sql = "TEXT COLLATE NOCASE" if name == "text" else "INTEGER"
    if default or "=" in base:
        sql += f" NOT NULL DEFAULT {default}"
    elif base.endswith("!"):
        sql += " NOT NULL"
    return sql + (" UNIQUE" if extra == "unique" else "")
