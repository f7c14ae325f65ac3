"""Finding Tiki's folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tikisync.errors import SetupError
from tikisync.tiki import folders


def make(folder: Path, *, installed: bool = True, site: str = "") -> Path:
    (folder / "db" / site).mkdir(parents=True)
    (folder / "tiki-index.php").touch()
    if installed:
        (folder / "db" / site / "local.php").touch()
    return folder


def test_installed_tikis_are_found_around_here_first_and_in_the_usual_places(tmp_path: Path) -> None:
    other, multi = make(tmp_path / "var/www/html/wiki"), make(tmp_path / "srv/wiki", site="a.example")
    make(tmp_path / "var/www/raw", installed=False)
    (tmp_path / "var/www/other").mkdir()
    here = make(tmp_path / "work")

    assert folders.likely(here / "lib", tmp_path) == [here, other, multi]


@pytest.mark.parametrize(
    ("place", "told", "hint"),
    [
        ("none", "there is no folder", "tiki-index.php"),
        ("", "is no Tiki", "did you mean"),
        ("empty", "is no Tiki", "give the folder that holds tiki-index.php"),
        ("raw", "is not installed yet", "tiki-install.php"),
    ],
)
def test_a_wrong_folder_is_told_with_the_right_one(tmp_path: Path, place: str, told: str, hint: str) -> None:
    make(tmp_path / "raw", installed=False)
    (tmp_path / "empty").mkdir()

    with pytest.raises(SetupError, match=told) as refused:
        folders.require(tmp_path / place)

    assert hint in refused.value.hint
