"""What a worker has in hand, shared with its supervisor."""

from __future__ import annotations

import os
import tempfile

import pytest

from tikisync.pipeline.held import Held, InHand, shareable


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="files in memory are Linux'")
def test_it_needs_no_folder_to_write_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    with shareable() as file:
        assert Held(file).read() == InHand()


@pytest.mark.parametrize("in_memory", [True, False])
def test_one_reads_what_another_notes_until_it_is_done(in_memory: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not in_memory:
        monkeypatch.delattr(os, "memfd_create", raising=False)
    with shareable() as file:
        supervisors = Held(file)
        workers = Held(file.fileno())
        with workers.noted([3, 4], routing=True):
            assert supervisors.read() == InHand((3, 4), routing=True)
        assert supervisors.read() == InHand()
