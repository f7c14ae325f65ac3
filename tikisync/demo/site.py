"""The demo's Tiki: two trackers, four webhook handlers, users, groups and permissions, as an admin would have made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import bcrypt

from tikisync.database import Database, Transaction
from tikisync.demo.tables import statements

ORDERS, ENQUIRIES = 1, 2

HANDLERS = (
    ("Shop", "webshop", "base64 hmac", "sha256", "X-Shop-Signature", "demo secret of the shop"),
    ("Payments", "webshop", "hmac", "sha512", "X-Payment-Signature", "demo secret of the payment provider"),
    ("Contact form", "website", "hmac", "sha256", "X-Form-Signature", "demo secret of the contact form"),
    ("Newsletter", "website", "hmac", "sha256", "X-Newsletter-Signature", "demo secret of the newsletter"),
)

_FIELDS: tuple[tuple[int, str, str, str, Mapping[str, Any], Mapping[str, str]], ...] = (
    (ORDERS, "orderId", "Order", "t", {}, {"isMain": "y", "isMandatory": "y", "validation": "distinct"}),
    (ORDERS, "orderCustomer", "Customer", "t", {}, {}),
    (ORDERS, "orderEmail", "E-mail", "m", {}, {}),
    (ORDERS, "orderTotal", "Total", "b", {"currency": "EUR"}, {}),
    (ORDERS, "orderState", "State", "d", {"options": ["open=Open", "paid=Paid", "shipped=Shipped"]}, {}),
    (ORDERS, "orderPlaced", "Placed", "f", {"datetime": "dt", "blankdate": "blank"}, {}),
    (ENQUIRIES, "enquiryName", "Name", "t", {}, {"isMain": "y", "isMandatory": "y"}),
    (ENQUIRIES, "enquiryEmail", "E-mail", "m", {}, {}),
    (ENQUIRIES, "enquiryTopics", "Topics", "M", {"options": ["sales=Sales", "support=Support", "press=Press"]}, {}),
    (ENQUIRIES, "enquiryText", "Message", "a", {}, {}),
    (ENQUIRIES, "enquiryNewsletter", "Newsletter", "c", {}, {}),
)

_PREFERENCES = ("auth_webhooks", "feature_trackers", "feature_search", "trackerfield_currency")

_GROUPS: Mapping[str, tuple[str, ...]] = {
    "Admins": ("tiki_p_admin",),
    "Registered": (),
    "Anonymous": ("tiki_p_view",),
    "Webshop": ("tiki_p_view_trackers", "tiki_p_create_tracker_items", "tiki_p_modify_tracker_items"),
    "Website": ("tiki_p_view_trackers", "tiki_p_create_tracker_items"),
}

_USERS = (("admin", "Admins"), ("webshop", "Webshop"), ("website", "Website"))


def create(database: Database, now: int, password: str) -> None:
    """Make the tables and rows in an empty SQLite database; ``now`` in UNIX seconds, ``password`` that of admin."""
    with database.transaction() as tx:
        for statement in statements():
            tx.run(statement)
        _users(tx)
        hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(10)).decode()
        tx.update("users_users", {"login": "admin"}, {"hash": hashed, "pass_confirm": now})
        _trackers(tx, now)
        tx.insert_many("tiki_preferences", [{"name": name, "value": "y"} for name in _PREFERENCES])
        tx.insert_many(
            "tiki_actionlog_conf",
            [
                {"action": action, "objectType": "trackeritem", "status": "y"}
                for action in ("Created", "Updated", "Removed")
            ],
        )
        columns = ("name", "user", "verification", "algo", "signatureHeader", "secret")
        rows = [dict(zip(columns, handler, strict=True), created=now, lastModif=now) for handler in HANDLERS]
        tx.insert_many("tiki_webhooks", rows)


def _users(tx: Transaction) -> None:
    tx.insert_many("users_groups", [{"groupName": name} for name in _GROUPS])
    permissions = [{"groupName": name, "permName": each} for name, granted in _GROUPS.items() for each in granted]
    tx.insert_many("users_grouppermissions", permissions)
    tx.insert_many("tiki_group_inclusion", [{"groupName": "Registered", "includeGroup": "Anonymous"}])
    for login, group in _USERS:
        user_id = tx.insert("users_users", {"login": login, "email": f"{login}@tiki.example"})
        tx.insert_many("users_usergroups", [{"userId": user_id, "groupName": name} for name in (group, "Registered")])


def _trackers(tx: Transaction, now: int) -> None:
    for tracker_id, name in ((ORDERS, "Orders"), (ENQUIRIES, "Enquiries")):
        tx.insert(
            "tiki_trackers", {"trackerId": tracker_id, "name": name, "created": now, "lastModif": now, "items": 0}
        )
        options = {"newItemStatus": "o", "showStatus": "y"}
        tx.insert_many(
            "tiki_tracker_options",
            [{"trackerId": tracker_id, "name": option, "value": value} for option, value in options.items()],
        )
    for position, (tracker_id, perm_name, name, kind, options_of_field, flags) in enumerate(_FIELDS, start=1):
        row = {
            "trackerId": tracker_id,
            "name": name,
            "permName": perm_name,
            "type": kind,
            "options": json.dumps(options_of_field),
            "position": position * 10,
            "isMain": "n",
            "isTblVisible": "y",
        }
        tx.insert("tiki_tracker_fields", {**row, **flags})
