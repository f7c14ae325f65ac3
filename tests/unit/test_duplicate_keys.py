"""What makes a request a duplicate of an earlier one."""

from __future__ import annotations

import pytest

from tikisync.config import HandlerSettings
from tikisync.core.requests import Request
from tikisync.pipeline.receive import duplicate_keys

Keys = tuple[bytes | None, bytes | None]


def keys(duplicates: str, *, delivery_id: str | None = "1", body: bytes = b"{}", signature: bytes = b"c0ffee") -> Keys:
    headers = () if delivery_id is None else ((b"x-delivery", delivery_id.encode()),)
    request = Request("POST", "/tiki-webhooks.php", "", headers, body, 0, "192.0.2.10")
    return duplicate_keys(request, signature, HandlerSettings(delivery_id="x-delivery", duplicates=duplicates))


def test_a_delivery_id_alone_tells_duplicates_where_the_admin_says_so() -> None:
    id_key, body_key = keys("id")
    assert (id_key, body_key) == keys("id", body=b"other")
    assert body_key is None
    assert id_key != keys("id", delivery_id="2")[0]


def test_body_and_signature_tell_duplicates_whatever_the_delivery_id() -> None:
    assert keys("body") == keys("body", delivery_id="2")
    assert keys("body")[0] is None
    assert len({keys("body"), keys("body", body=b"other"), keys("body", signature=b"other")}) == 3


def test_both_count_where_the_admin_says_so() -> None:
    assert keys("id+body") == (keys("id")[0], keys("body")[1])


@pytest.mark.parametrize("duplicates", ["id", "id+body"])
@pytest.mark.parametrize("delivery_id", [None, "", " "])
def test_without_a_delivery_id_the_body_counts(duplicates: str, delivery_id: str | None) -> None:
    assert keys(duplicates, delivery_id=delivery_id) == keys("body")


def test_a_handler_without_a_delivery_id_header_goes_by_the_body() -> None:
    request = Request("POST", "/", "", ((b"", b"no name"),), b"{}", 0, "")
    assert duplicate_keys(request, b"c0ffee", HandlerSettings()) == keys("body")


def test_accepting_duplicates_means_no_key_at_all() -> None:
    assert keys("accept") == (None, None)


def test_where_the_signature_ends_and_the_body_begins_matters() -> None:
    assert keys("body", signature=b"ab", body=b"c") != keys("body", signature=b"a", body=b"bc")
