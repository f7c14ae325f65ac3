"""How values look on the dashboard's pages, and the figures of its chart."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime

import pytest

from tikisync.inbox.attempts import Attempt
from tikisync.inbox.search import Filter
from tikisync.inbox.statistics import MINUTE
from tikisync.pipeline.activity import Activity
from tikisync.pipeline.overview import Overview
from tikisync.web.dashboard import shown
from tikisync.web.dashboard.deliveries import filter_of
from tikisync.web.dashboard.now import HEIGHT, chart


def test_a_time_is_told_in_utc_for_people_and_for_programs() -> None:
    told = shown.moment(1_795_506_588_123)
    assert "2026-11-24 07:49:48" in told
    assert 'datetime="2026-11-24T07:49:48.123+00:00"' in told
    assert shown.moment(None) == "—"


@pytest.mark.parametrize(
    ("milliseconds", "told"),
    [(0, "0 ms"), (-5, "0 ms"), (999, "999 ms"), (1500, "1.5 s"), (59_999, "59 s"), (61_000, "1 min 1 s"),
     (3_600_000, "1 h"), (5_400_000, "1 h 30 min"), (36_060_000, "10 h"), (200_000_000, "2 d 7 h")],
)  # fmt: skip
def test_lengths_of_time_are_told_in_two_units_at_most(milliseconds: int, told: str) -> None:
    assert shown.span(milliseconds) == told


def test_what_never_was_is_never() -> None:
    assert (shown.ago(None, 0), shown.ago(0, 5000)) == ("never", "5.0 s ago")


@pytest.mark.parametrize(("count", "told"), [(0, "0 B"), (1536, "1.5 KiB"), (3 << 20, "3.0 MiB")])
def test_sizes_are_told_in_binary_units(count: int, told: str) -> None:
    assert shown.size(count) == told


def test_bodies_are_laid_out_by_what_they_are() -> None:
    form = ("content-type", "application/x-www-form-urlencoded")
    assert shown.body(b'{"a":[1],"b":"\xc3\xa4"}', []) == '{\n  "a": [\n    1\n  ],\n  "b": "ä"\n}'
    assert shown.body(b"a=1&b=%3Cx%3E", [form]) == "a = 1\nb = <x>"
    assert shown.body(b"plain", []) == "plain"
    assert shown.body(b"\xff\x00", []) == "ff 00"
    assert shown.body(b"x" * 300_000, []).endswith("(the rest is not shown)")
    assert shown.body(b"[" * 100_000, []).startswith("[[")


def test_a_compressed_body_is_expanded_and_one_that_is_not_what_it_says_shown_as_it_came() -> None:
    compressed = [("content-encoding", "gzip")]
    assert shown.body(gzip.compress(b"[1]"), compressed) == "[\n  1\n]"
    assert shown.body(b"plain", compressed) == "plain"


def test_the_items_that_tries_met_are_found_in_what_they_wrote() -> None:
    tries = [
        Attempt(1, "w", 0, 0, "done", wrote=("order: created item 12 of tracker Orders", "contact: made contact 5")),
        Attempt(1, "w", 0, 0, "done", wrote=("order: unchanged item 12 of tracker Orders", "x: item 7 of tracker Y")),
    ]
    assert shown.items(tries) == [12, 7]


def test_signatures_and_secrets_among_the_headers_are_masked() -> None:
    names = ("x-hub-signature-256", "authorization", "x-gitlab-token", "x-odd", "user-agent", "x-api-key", "cookie")
    masked = shown.headers([(name, "told") for name in names], frozenset({"x-odd"}))
    assert [name for name, value in masked if value == "told"] == ["user-agent"]


def test_secrets_in_the_address_are_masked() -> None:
    assert shown.query("shop=a%20b&api_key=12&x-token=3&empty=") == (
        f"shop=a b&api_key={shown.MASKED}&x-token={shown.MASKED}&empty="
    )


def test_items_become_links_where_tikis_address_is_known_and_nothing_else_becomes_html() -> None:
    line = "rule <b>: created item 12 of tracker <i>Orders</i>"
    assert shown.item_links(line, "https://t.example/") == (
        'rule &lt;b&gt;: created <a href="https://t.example/tiki-view_tracker_item.php?itemId=12">item 12</a> '
        "of tracker &lt;i&gt;Orders&lt;/i&gt;"
    )
    assert "<a" not in shown.item_links(line, "")
    assert shown.item_links("made item 0 of tracker X", "") == "made a new item of tracker X"


def test_a_filter_takes_what_it_can_read_and_passes_over_the_rest() -> None:
    assert filter_of({}) == Filter()
    given = {"status": "done", "handler": "Shop", "item": " 12 ", "text": " a ", "since": "2026-11-24T07:49"}
    since = int(datetime(2026, 11, 24, 7, 49, tzinfo=UTC).timestamp() * 1000)
    assert filter_of(given) == Filter("done", "Shop", 12, "a", since)
    assert filter_of({"status": "odd", "item": "x", "since": "yesterday", "until": "9999-99-99"}) == Filter()


def test_the_chart_stacks_each_minute_up_to_its_scale() -> None:
    inbox = Overview(0, 0, None, (), (), True)
    drawn = chart(Activity(0, {2 * MINUTE: {"done": 30, "failed": 12}, 5 * MINUTE: {"pending": 1}}, inbox))
    assert drawn.top == 50
    done, failed, pending = drawn.bars
    assert (done.status, done.x, done.height, done.y + done.height) == ("done", 21, 60, HEIGHT)
    assert (failed.status, round(failed.y + failed.height, 2)) == ("failed", done.y)
    assert (pending.x, pending.height) == (51, 2)
    assert dict(drawn.sums) == {"pending": 1, "done": 30, "failed": 12, "ignored": 0, "discarded": 0}


@pytest.mark.parametrize(("highest", "top"), [(0, 4), (4, 4), (5, 10), (11, 20), (21, 50), (101, 200), (1234, 2000)])
def test_the_scale_is_a_round_number_that_holds_the_highest_minute(highest: int, top: int) -> None:
    inbox = Overview(0, 0, None, (), (), True)
    assert chart(Activity(0, {0: {"done": highest}}, inbox)).top == top
