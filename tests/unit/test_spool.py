"""The spool's folder: kept for good before it says so, in order, by several processes, whatever breaks off."""

from __future__ import annotations

import os
import resource
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.spooling import LIMIT, bodies, filled, opened, spooled, waiting
from tikisync.core import spool_records
from tikisync.core.spooled import packed
from tikisync.errors import PassingError
from tikisync.inbox import spool_file
from tikisync.inbox.spool import Spool, Standing

MUCH = 1 << 30


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "var" / "config.spool"


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """No file grows beyond this size, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def events(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_what_was_added_is_there_in_order_for_any_process(folder: Path) -> None:
    filled(folder, b"one", b"two")
    filled(folder, b"three")
    batch = opened(folder).oldest(10, MUCH)
    assert bodies(batch) == [b"one", b"two", b"three"]
    assert batch.requests[0] == spooled(b"one")


def test_there_is_a_file_exactly_while_something_waits(folder: Path) -> None:
    spool = opened(folder)
    assert not spool.waits()
    spool.add([spooled(b"one"), spooled(b"two")])
    assert spool.waits()
    assert spool.finish(spool.oldest(1, MUCH), []) > 0
    assert spool.waits()
    assert spool.finish(spool.oldest(1, MUCH), []) == 0
    assert not spool.waits()
    assert list(folder.iterdir()) == []


def test_nobody_else_can_read_it(folder: Path) -> None:
    filled(folder, b"personal data")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "waiting").stat().st_mode) == 0o600


def test_a_batch_has_so_many_requests_or_bytes_but_at_least_one(folder: Path) -> None:
    spool = filled(folder, *[b"%d" % number * 1000 for number in range(5)])
    assert len(spool.oldest(2, MUCH).requests) == 2
    assert len(spool.oldest(10, 3000).requests) == 2
    assert len(spool.oldest(10, 1).requests) == 1


def test_who_goes_on_draining_begins_where_the_other_one_died(folder: Path) -> None:
    first = filled(folder, b"one", b"two", b"three")
    first.finish(first.oldest(2, MUCH), [])
    assert bodies(opened(folder).oldest(10, MUCH)) == [b"three"]


def test_adding_while_another_drains_loses_nothing(folder: Path) -> None:
    draining, adding = filled(folder, b"one"), opened(folder)
    batch = draining.oldest(10, MUCH)
    adding.add([spooled(b"two")])
    assert draining.finish(batch, []) > 0
    assert bodies(draining.oldest(10, MUCH)) == [b"two"]
    assert draining.finish(draining.oldest(10, MUCH), []) == 0
    adding.add([spooled(b"three")])
    assert waiting(folder) == [b"three"]


def test_only_one_drains_at_a_time(folder: Path) -> None:
    one, other = filled(folder, b"one"), opened(folder)
    with one.draining() as is_first, other.draining() as is_second:
        assert (is_first, is_second) == (True, False)
    with other.draining() as is_free:
        assert is_free


def test_where_nothing_waits_there_is_nothing_to_drain(folder: Path) -> None:
    with opened(folder).draining() as is_ours:
        assert not is_ours


def test_many_threads_and_spools_add_without_loss(folder: Path) -> None:
    def add(number: int) -> None:
        spool = opened(folder)
        for turn in range(20):
            spool.add([spooled(b"%d-%d" % (number, turn))])

    threads = [threading.Thread(target=add, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = waiting(folder)
    assert sorted(found) == sorted(b"%d-%d" % (number, turn) for number in range(4) for turn in range(20))
    for number in range(4):
        own = [body for body in found if body.startswith(b"%d-" % number)]
        assert own == [b"%d-%d" % (number, turn) for turn in range(20)]


class TestBrokenOff:
    def test_a_torn_record_is_dropped_and_told_and_the_next_takes_its_place(
        self, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        filled(folder, b"one", b"two")
        path = folder / "waiting"
        os.truncate(path, path.stat().st_size - 1)
        filled(folder, b"three")
        assert waiting(folder) == [b"one", b"three"]
        assert events(caplog) == ["spool.torn"]

    def test_a_process_that_knows_the_file_sees_what_a_dying_one_left(self, folder: Path) -> None:
        spool = filled(folder, b"one")
        with (folder / "waiting").open("ab") as file:
            file.write(spool_records.encoded(b"x" * 24, 0, b"two")[:20])
        spool.add([spooled(b"three")])
        assert waiting(folder) == [b"one", b"three"]

    @pytest.mark.parametrize("left", [0, 10, spool_records.FILE_HEAD_SIZE, spool_records.FILE_HEAD_SIZE + 10])
    def test_a_file_whose_first_record_broke_off_counts_as_none(self, folder: Path, left: int) -> None:
        spool = filled(folder, b"one")
        os.truncate(folder / "waiting", left)
        with spool.draining() as is_ours:
            assert is_ours
            batch = spool.oldest(10, MUCH)
            assert bodies(batch) == []
            assert spool.finish(batch, []) == 0
        assert not spool.waits()
        assert waiting(folder) == []

    def test_damage_in_the_middle_is_told_and_kept_aside_and_the_rest_is_read(
        self, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        spool = filled(folder, b"one", b"damaged", b"three")
        path = folder / "waiting"
        path.write_bytes(path.read_bytes().replace(b"damaged", b"dAmaged"))
        batch = spool.oldest(10, MUCH)
        assert bodies(batch) == [b"one", b"three"]
        spool.finish(batch, [])
        assert b"dAmaged" in (folder / "damaged").read_bytes()
        assert stat.S_IMODE((folder / "damaged").stat().st_mode) == 0o600
        assert events(caplog) == ["spool.damaged"]
        assert spool.standing().damaged == 1

    def test_a_last_record_that_is_whole_but_wrong_is_kept_aside_too(self, folder: Path) -> None:
        spool = filled(folder, b"one", b"damaged")
        path = folder / "waiting"
        path.write_bytes(path.read_bytes().replace(b"damaged", b"dAmaged"))
        batch = opened(folder).oldest(10, MUCH)
        assert bodies(batch) == [b"one"]
        spool.finish(batch, [])
        assert b"dAmaged" in (folder / "damaged").read_bytes()
        assert not spool.waits()

    def test_a_file_that_does_not_begin_as_ours_is_put_aside(
        self, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        filled(folder, b"one")
        path = folder / "waiting"
        path.write_bytes(b"X" + path.read_bytes()[1:])
        filled(folder, b"two")
        assert waiting(folder) == [b"two"]
        [aside] = [each for each in folder.iterdir() if each.name.startswith("unreadable-")]
        assert aside.read_bytes().endswith(b"one")
        assert events(caplog) == ["spool.damaged"]
        assert opened(folder).standing().damaged == 1

    def test_a_record_of_another_version_is_kept_aside(self, folder: Path) -> None:
        spool = filled(folder, b"one")
        spool._waiting.append([b"of another version"])
        batch = spool.oldest(10, MUCH)
        assert bodies(batch) == [b"one"]
        spool.finish(batch, [])
        assert (folder / "damaged").read_bytes() == b"of another version"

    def test_records_of_another_version_are_left_out_of_lists(self, folder: Path) -> None:
        spool = filled(folder, b"one")
        spool._waiting.append([b"of another version"])
        spool._rejected.append([b"of another version"])
        assert waiting(folder) == [b"one"]
        assert spool.rejected() == []
        spool.finish(spool.oldest(1, 1), [spooled(b"one", receipt="r1", reason="disabled")])
        assert [each.request.body for each in spool.rejected()] == [b"one"]

    def test_a_file_is_searched_across_the_pieces_it_is_read_in(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(spool_file, "_WINDOW", 64)
        spool = filled(folder, b"damaged" * 50, *[b"%d" % number * 100 for number in range(9)])
        path = folder / "waiting"
        path.write_bytes(path.read_bytes().replace(b"damaged", b"dAmaged", 1))
        assert bodies(spool.oldest(100, MUCH)) == [b"%d" % number * 100 for number in range(9)]


class TestBounds:
    def test_what_does_not_fit_is_left_out_from_the_end(self, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
        spool = opened(folder, limit=1200)
        assert spool.add([spooled(b"%d" % number * 200) for number in range(5)]) == 2
        assert spool.add([spooled(bytes(500))]) == 0
        assert [len(body) for body in waiting(folder)] == [200, 200]
        assert events(caplog) == ["spool.full", "spool.full"]

    def test_what_was_rejected_takes_room_too(self, folder: Path) -> None:
        spool = opened(folder, limit=1200)
        spool.add([spooled(bytes(600))])
        spool.finish(spool.oldest(1, MUCH), [spooled(bytes(600), reason="wrong_signature")])
        assert spool.add([spooled(bytes(600))]) == 0
        assert not spool.waits()
        assert spool.has_room()
        assert not opened(folder, limit=600).has_room()

    def test_a_full_disk_keeps_nothing_of_the_group_and_what_was_there_before(self, folder: Path) -> None:
        spool = filled(folder, b"one")
        before = (folder / "waiting").read_bytes()
        with files_of_at_most(2000), pytest.raises(PassingError, match="cannot be used") as caught:
            spool.add([spooled(b"small"), spooled(bytes(5000))])
        assert caught.value.reason == "spool_full"
        assert (folder / "waiting").read_bytes() == before
        spool.add([spooled(b"two")])
        assert waiting(folder) == [b"one", b"two"]

    def test_a_disk_too_full_for_a_first_record_leaves_no_file(self, folder: Path) -> None:
        spool = opened(folder)
        with files_of_at_most(100), pytest.raises(PassingError):
            spool.add([spooled(bytes(5000))])
        assert not spool.waits()
        assert spool.add([spooled(b"one")]) == 1

    def test_a_disk_too_full_for_a_mark_still_drains(self, folder: Path) -> None:
        spool = filled(folder, b"one", b"two")
        with files_of_at_most((folder / "waiting").stat().st_size):
            assert spool.finish(spool.oldest(1, MUCH), []) > 0
            assert bodies(spool.oldest(10, MUCH)) == [b"two"]
            assert spool.finish(spool.oldest(10, MUCH), []) == 0
        assert not spool.waits()

    def test_a_folder_that_cannot_be_is_passing_trouble(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        spool = opened(tmp_path / "file" / "spool")
        with pytest.raises(PassingError, match="cannot be used") as caught:
            spool.add([spooled(b"one")])
        assert caught.value.reason == "spool_unusable"
        assert not spool.has_room()
        assert not spool.is_writable()
        assert not spool.waits()

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
    def test_a_folder_of_somebody_else_is_passing_trouble(self, folder: Path) -> None:
        folder.mkdir(parents=True, mode=0o500)
        with pytest.raises(PassingError):
            opened(folder).prepare()


class TestRejected:
    def rejecting(self, folder: Path) -> Spool:
        spool = filled(folder, b"one", b"two")
        spool.finish(spool.oldest(10, MUCH), [spooled(b"two", receipt="r2", reason="wrong_signature")])
        return spool

    def test_they_are_kept_aside_with_the_reason(self, folder: Path) -> None:
        spool = self.rejecting(folder)
        assert spool.rejected() == [spooled(b"two", receipt="r2", reason="wrong_signature")]
        assert not spool.waits()
        assert stat.S_IMODE((folder / "rejected").stat().st_mode) == 0o600

    def test_one_that_is_rejected_again_after_a_crash_is_kept_once(self, folder: Path) -> None:
        spool = self.rejecting(folder)
        again = [spooled(b"two", receipt="r2", reason="disabled"), spooled(b"new", receipt="r3", reason="disabled")]
        spool.finish(spool.oldest(10, MUCH), again[:1])
        spool.finish(spool.oldest(10, MUCH), again)
        assert [each.request.receipt for each in spool.rejected()] == ["r2", "r3"]

    @pytest.mark.parametrize("others", [[], [b"three"]])
    def test_they_wait_again_when_asked_to_behind_those_that_do(self, folder: Path, others: list[bytes]) -> None:
        spool = self.rejecting(folder)
        if others:
            filled(folder, *others)
        assert opened(folder).retry() == 1
        assert waiting(folder) == [*others, b"two"]
        assert spool.rejected() == []
        assert opened(folder).retry() == 0

    def test_they_are_deleted_when_asked_to_with_what_is_damaged(self, folder: Path) -> None:
        spool = self.rejecting(folder)
        (folder / "damaged").write_bytes(b"x")
        assert spool.discard() == 1
        assert list(folder.iterdir()) == []
        assert spool.discard() == 0


class TestStanding:
    def test_a_spool_that_was_never_used_holds_nothing(self, folder: Path) -> None:
        spool = opened(folder)
        assert spool.standing() == Standing()
        assert (spool.waiting(), spool.rejected(), spool.discard()) == ([], [], 0)
        assert not folder.exists()
        spool.prepare()
        assert spool.standing() == Standing()

    def test_it_says_how_many_wait_and_since_when(self, folder: Path) -> None:
        spool = opened(folder)
        spool.add([spooled(b"%d" % number, received_at=number) for number in range(5)])
        standing = opened(folder).standing()
        assert (standing.waiting, standing.oldest, standing.rejected) == (5, 0, 0)
        spool.finish(spool.oldest(2, MUCH), [spooled(b"0", reason="disabled")])
        opened(folder).add([spooled(b"5", received_at=5)])
        for each in (spool, opened(folder)):
            standing = each.standing()
            assert (standing.waiting, standing.oldest, standing.rejected) == (4, 2, 1)
            assert standing.size == sum(path.stat().st_size for path in folder.iterdir())

    def test_a_file_with_only_damage_waits_but_holds_no_delivery(self, folder: Path) -> None:
        spool = filled(folder, b"damaged")
        path = folder / "waiting"
        path.write_bytes(path.read_bytes().replace(b"damaged", b"dAmaged"))
        assert (opened(folder).standing().waiting, opened(folder).standing().oldest) == (0, None)
        assert spool.waits()


def test_the_limit_counts_what_a_request_really_takes(folder: Path) -> None:
    spool = opened(folder, LIMIT)
    spool.add([spooled(b"one")])
    size = spool_records.FILE_HEAD_SIZE + spool_records.HEAD_SIZE + len(packed(spooled(b"one")))
    assert (folder / "waiting").stat().st_size == size
    assert opened(folder.with_name("other"), size).add([spooled(b"one")] * 2) == 1
