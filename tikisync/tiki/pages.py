"""The wiki pages that an item's text areas link to (``tiki_links``) and include (Tiki: lib/wiki/wikilib.php, 24.4)."""

from __future__ import annotations

from tikisync.core.effects import LinkPages
from tikisync.database import Transaction
from tikisync.tiki import relations

_LONGEST = 158  # bytes of a page's name that a link keeps (tikilib replace_link)


def carry_out(tx: Transaction, item_id: int, effect: LinkPages) -> None:
    """Let the field link and include exactly the pages of its text."""
    field = f"{item_id}:{effect.field_id}"
    origin = f"objectlink:trackeritemfield:{field}"
    pages = dict.fromkeys(page.encode()[:_LONGEST].decode(errors="ignore") for page in effect.pages)
    there = {
        str(row["toPage"]) for row in tx.all("SELECT toPage FROM tiki_links WHERE fromPage = :field", field=origin)
    }
    if there - pages.keys():
        tx.delete("tiki_links", {"fromPage": origin, "toPage": there - pages.keys()})
    new = [{"fromPage": origin, "toPage": page, "lastModif": 0} for page in pages if page not in there]
    tx.insert_many("tiki_links", new, on_duplicate="ignore")
    included = [("wiki page", page) for page in effect.includes]
    relations.replace_from(tx, "tiki.wiki.include", ("trackeritemfield", field), included)
