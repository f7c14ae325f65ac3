"""Python with a clock that is wrong by what the file named in ``WRONG_CLOCK`` says, in seconds; see ``site``."""

import os
import time
from pathlib import Path

_right = time.time
_file = Path(os.environ["WRONG_CLOCK"])
_looked_at, _ahead = 0.0, 0.0


def _wrong() -> float:
    global _looked_at, _ahead
    now = _right()
    if now > _looked_at + 0.2:
        _looked_at, _ahead = now, float(_file.read_text() or _ahead)
    return now + _ahead


time.time = _wrong
