"""A first config file, with what a person needs to go on from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_HEAD = """\
; tikisync's configuration: one "key = value" a line; a line that begins with ; is a comment.
;   tikisync check     says what does not fit yet, and what to do about it
;   tikisync serve     receives webhooks; it reads this file again when it changes
; Every setting: `tikisync manual configuration`. Rules: `tikisync manual rules`. Senders: `tikisync manual senders`.
"""
_TIKI = """\
; Where Tiki is. Its handlers, secrets, users and permissions are read there and stay there.
; A database user with fewer rights than Tiki's own: see `tikisync grants`, and give its URL in the environment variable
; TIKISYNC_DATABASE_URL or by url_file (a file that holds nothing but the URL, readable by tikisync only).
"""
_SERVER = "; Where tikisync listens; the web server passes Tiki's own /tiki-webhooks.php on to it.\n"
_PROXIES = "; The web server in front of it, whose X-Forwarded-For is believed.\ntrusted_proxies = 127.0.0.1, ::1\n"
_DASHBOARD = """\
; The dashboard for Tiki's administrators, at /tikisync/ of where tikisync listens. Changes here take a restart.
[dashboard]
enabled = {enabled}
"""
_RULES = """\
; ---------------------------------------------------------------------------------------------------------------------
; How senders sign ([handler …], where Tiki's handler does not say it), and what their webhooks change ([rule …]).
; Try a rule without writing anything: tikisync try RULE payload.json. More of them can stand on a wiki page of your
; Tiki that only administrators may change: [rules] page = …
; ---------------------------------------------------------------------------------------------------------------------
"""
_FIRST_RULE = """\
; [rule first]
; handler = Shop                  the handler's name in Tiki's admin
; tracker = Orders                the tracker's name or id
; key = orderId                   the field that identifies an item: found, it is updated; not found, it is created
; field.orderId = body.id         one line for each field, by its permanent name
"""


def draft(
    tiki: Mapping[str, str],
    server: Mapping[str, str],
    *,
    proxied: bool,
    dashboard: bool = False,
    rules: Sequence[str] = (),
) -> str:
    """Return the text of a config file with these keys of [tiki] and [server], and lines of further sections.

    ``proxied``: a web server on this machine stands in front.
    """
    told = {key: value for key, value in tiki.items() if value}
    parts = [
        f"{_HEAD}\n{_TIKI}[tiki]\n{_keys(told)}",
        f"{_SERVER}[server]\n{_keys(server)}{_PROXIES if proxied else ''}",
        _DASHBOARD.format(enabled="yes" if dashboard else "no")
        + (f"tiki_url = {server['public_url']}/\n" if dashboard and server.get("public_url") else ""),
        _RULES + ("\n".join(rules) + "\n" if rules else _FIRST_RULE),
    ]
    return "\n".join(parts)


def _keys(given: Mapping[str, str]) -> str:
    return "".join(f"{key} = {value}\n" for key, value in given.items() if value)
