"""Questions in the terminal, each answered by an option too; ``--yes`` takes what would be proposed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import typer

from tikisync.cli import output
from tikisync.errors import SetupError, TikisyncError

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Asker:
    """Asks a person, or nobody (``yes``)."""

    yes: bool

    def value(self, question: str, given: str, proposed: str, read: Callable[[str], Value]) -> Value:
        """Return what ``read`` makes of the option ``given``, else of the answer; ``read`` raises TikisyncError.

        A person is asked again until the answer can be read; without anybody to ask the error is raised.
        """
        if given or self.yes:
            return read(given or proposed)
        while True:
            answer = typer.prompt(question, default=proposed, show_default=bool(proposed))
            try:
                return read(answer.strip())
            except TikisyncError as error:
                output.fail(error)

    def one_of(self, question: str, option: str, given: str, names: list[str]) -> str:
        """Return one of the names, '' where there are none; raise SetupError where nobody can be asked which."""
        if not names:
            return ""
        if not given and len(names) > 1 and self.yes:
            raise SetupError(f"it is not clear which: {', '.join(names)}", hint=f"say it with {option}")

        def read(answer: str) -> str:
            if answer in names:
                return answer
            if answer.isdecimal() and 0 < int(answer) <= len(names):
                return names[int(answer) - 1]
            raise SetupError(f"{answer!r} is none of them", hint=f"there are: {', '.join(names)}")

        return self.value(question, given, names[0] if len(names) == 1 else "", read)

    def agree(self, question: str, *, proposed: bool = True) -> bool:
        """Return whether the person agrees; with nobody to ask, what is proposed."""
        return proposed if self.yes else typer.confirm(question, default=proposed)
