"""Wiki pages that hold rules: the text of the rules, and who may change them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tikisync.config.reading import read_rules
from tikisync.core.permission_levels import CATEGORY, Grant, Levels, Object, grant, object_id
from tikisync.core.rules_page import PAGE, Page, administrators, rules_text, who_may_change
from tikisync.errors import ConfigError

RULE = """[rule order]
handler = Shop
when = body.total > `100` && topic != 'x<y'
tracker = Orders
field.orderId = body.id"""


def page(text: str, *, is_html: bool = False) -> Page:
    return Page("TikisyncRules", text, 3, 1, "admin", "admin", is_html)


def test_the_blocks_of_code_are_the_rules_and_their_lines_keep_their_numbers() -> None:
    text = f'! Rules\r\nWhat the shop sends.\r\n{{CODE(colors="ini")}}\r\n{RULE}\r\n{{CODE}}\r\n'
    text += "More (see ((Orders))):\r\n{CODE()}\n"
    text += RULE.replace("order]", "other]") + "\n{CODE}\n"

    rules = rules_text(page(text))

    assert [rule.name for rule in read_rules(rules)] == ["order", "other"]
    lines = text.replace("\r\n", "\n").split("\n")
    assert all(line in ("", lines[number]) for number, line in enumerate(rules.split("\n")))


def test_a_mistake_is_told_with_its_line_on_the_page() -> None:
    text = f"! Rules\n\n{{CODE()}}\n{RULE}\nfeild.x = body.y\n{{CODE}}"

    with pytest.raises(ConfigError) as refused:
        read_rules(rules_text(page(text)))

    assert "(line 9)" in refused.value.problems[0]


def test_without_code_all_counts_from_the_first_rule_on() -> None:
    text = f"! Rules\nThese are = what webhooks do.\n\n~np~{RULE}~/np~\n"

    assert read_rules(rules_text(page(text)))[0].tracker == "Orders"


def test_a_page_in_html_is_read_as_the_text_that_it_shows() -> None:
    lines = [line.replace("&", "&amp;").replace("<", "&lt;").replace(" ", "&nbsp;") for line in RULE.split("\n")]
    for text in (
        f"<h1>Rules</h1>\n<p>{{CODE()}}<br />\n{'<br />'.join(lines)}<br />{{CODE}}</p>",
        "\n".join(f"<p>{line}</p>\n" for line in lines),
    ):
        assert read_rules(rules_text(page(text, is_html=True))) == read_rules(RULE)


def test_what_tiki_puts_into_suspicious_words_is_taken_out() -> None:
    text = RULE.replace("x<y", "ja<x>vascript")

    assert "'javascript'" in rules_text(page(text))


def test_a_page_without_rules_has_none() -> None:
    assert not rules_text(page("just\nwords")).strip()
    assert not rules_text(page("{CODE()}{CODE}")).strip()


@given(st.text(alphabet="{}CODE()\n\r[rule x]=<>&;~np/", max_size=200), st.booleans())
def test_any_page_gives_a_text_or_none(text: str, is_html: bool) -> None:
    assert len(rules_text(page(text, is_html=is_html))) <= len(text)


THE_PAGE: Object = (PAGE, "Rules")


def levels(*everywhere: Grant, on: set[Grant] | None = None, category: set[Grant] | None = None) -> Levels:
    looked_up = {THE_PAGE: on or set(), (CATEGORY, 3): category or set()}
    return Levels(everywhere, looked_up, {THE_PAGE: (3,)} if category else {})


ADMIN = grant("Admins", "tiki_p_admin")
EDITORS = grant("Editors", "tiki_p_edit")


@pytest.mark.parametrize(
    ("found", "where", "others"),
    [
        (levels(ADMIN), "the global permissions", []),
        (levels(ADMIN, grant("Anonymous", "view")), "the global permissions", []),
        (levels(ADMIN, EDITORS), "the global permissions", [EDITORS]),
        (levels(ADMIN, EDITORS, on={grant("Admins", "edit")}), "the permissions of wiki page Rules", []),
        (levels(ADMIN, on={EDITORS}), "the permissions of wiki page Rules", [EDITORS]),
        (
            levels(ADMIN, EDITORS, category={grant("Staff", "rename")}),
            "the permissions of the categories of wiki page Rules",
            [grant("Staff", "rename")],
        ),
        (levels(ADMIN, grant("Leads", "admin_wiki")), "the global permissions", [grant("Leads", "admin_wiki")]),
        (levels(ADMIN, grant("Chiefs", "edit")), "the global permissions", []),
    ],
)
def test_who_may_change_the_page_is_decided_on_the_first_level_that_has_rows(
    found: Levels, where: str, others: list[Grant]
) -> None:
    admins = administrators(found, {"Chiefs": ("Chiefs", "Admins"), "Leads": ("Leads", "Staff")})

    assert who_may_change(found, "Rules", admins) == (where, others)


def test_pages_have_their_permissions_under_their_name_in_small_letters() -> None:
    assert object_id((PAGE, " TikisyncRules ")) == object_id((PAGE, "tikisyncrules"))
