"""What commands print: a stranger's text shows, and does nothing to the terminal it is shown on."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tikisync.cli import output


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("Řehoř & Ana", "Řehoř & Ana"),
        ("two\r\nlines\tand more", "two\nlines\tand more"),
        ("\x1b[2J\x9b31m\x07", "\\x1b[2J\\x9b31m\\x07"),
        ("paid\rfree", "paid\\rfree"),
        ("\u202e\u2028\ud800", "\\u202e\\u2028\\ud800"),
    ],
)
def test_what_would_move_a_terminal_is_written_out(given: str, shown: str) -> None:
    assert output.visible(given) == shown


@given(st.text().filter(lambda text: "\t" not in text))  # which becomes spaces
@example(":x:")
def test_any_text_is_shown_as_it_is_or_written_out_and_styles_nothing(text: str) -> None:
    with output.console().capture() as capture:
        output.say(output.escape(f"[red]{text}[/red]"))
    assert capture.get() == output.visible(f"[red]{text}[/red]") + "\n"


@given(st.dictionaries(st.text(), st.text()))
def test_json_says_all_and_moves_no_terminal(value: dict[str, str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        written: list[str] = []
        patch.setattr("sys.stdout.write", written.append)
        output.as_json(value)
    assert json.loads("".join(written)) == value
    assert output.visible("".join(written)) == "".join(written)
