"""A histogram counts as Prometheus reads it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tikisync.web import metrics
from tikisync.web.histogram import SECONDS, Histogram


def test_each_bound_counts_what_is_at_most_so_large() -> None:
    counted = Histogram((1, 2.5))
    for value in (0.5, 1, 2, 7):
        counted.observe(value)
    assert list(counted.samples()) == [("1", 2), ("2.5", 3), ("+Inf", 4)]
    assert counted.total == 10.5
    assert "".join(metrics.histogram("h", "Told.", counted)) == (
        '# HELP h Told.\n# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="2.5"} 3\nh_bucket{le="+Inf"} 4\n'
        "h_sum 10.5\nh_count 4\n"
    )


def test_a_share_of_the_values_is_within_a_bound() -> None:
    counted = Histogram((1, 2, 3))
    assert counted.within(95) is None
    for value in (*[0.1] * 94, *[1.5] * 5, 9):
        counted.observe(value)
    assert [counted.within(percent) for percent in (50, 94, 95, 99, 100)] == [1, 1, 2, 2, None]


@given(st.lists(st.floats(0, 100)))
def test_every_value_is_counted_once_at_every_bound_above_it(values: list[float]) -> None:
    counted = Histogram()
    for value in values:
        counted.observe(value)
    for (_, count), bound in zip(counted.samples(), (*SECONDS, float("inf")), strict=True):
        assert count == sum(value <= bound for value in values)
