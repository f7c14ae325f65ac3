"""The text format of metrics, and what the README says of them."""

from __future__ import annotations

import re
from pathlib import Path

from tikisync.web import metrics


def test_labels_are_escaped_as_the_format_asks() -> None:
    lines = "".join(metrics.metric("m", "gauge", "Told.", [({"a": 'x"\\\n', "b": ""}, 1), ({}, 0.5)]))
    assert lines == '# HELP m Told.\n# TYPE m gauge\nm{a="x\\"\\\\\\n",b=""} 1\nm 0.5\n'


def test_every_metric_is_in_the_readme_and_no_other() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    source = Path(metrics.__file__).read_text()
    named = re.compile(r"`(tikisync_[a-z_]+)[`{]")
    assert set(named.findall(readme)) == set(re.findall(r'"(tikisync_[a-z_]+)"', source))
