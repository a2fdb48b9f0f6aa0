from __future__ import annotations

import pytest

from codeagent.core.http import BOUNDS, Histogram, PoolState, redirected

URL = "https://models.example/v1/chat"


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/v2/chat", "https://models.example/v2/chat"),
        ("https://models.example:443/x", "https://models.example:443/x"),
        ("?a=1", "https://models.example/v1/chat?a=1"),
        ("https://models.example.evil.org/", None),
        ("https://models.example@evil.org/", None),
        ("//evil.org/x", None),
        ("http://models.example/v1", None),
        ("https://models.example:444/", None),
        ("https://models.example:port/", None),
        ("http://[broken", None),
        ("", None),
    ],
)
def test_a_request_goes_on_within_its_origin_only(location: str, target: str | None) -> None:
    assert redirected(URL, 307, location) == redirected(URL, 308, location) == target


@pytest.mark.parametrize("status", [301, 302, 303, 300, 304])
def test_a_redirect_that_changes_the_method_is_not_followed(status: int) -> None:
    assert redirected(URL, status, "/v2/chat") is None


def test_durations_fall_into_their_buckets() -> None:
    histogram = Histogram()
    for seconds in (0.0, BOUNDS[0], BOUNDS[0] + 0.001, BOUNDS[-1], BOUNDS[-1] + 1):
        histogram.add(seconds)
    assert (histogram.counts[0], histogram.counts[1]) == (2, 1)
    assert (histogram.counts[-2], histogram.counts[-1]) == (1, 1)
    copied = histogram.copy()
    histogram.add(1)
    assert sum(copied.counts) == 5


def test_the_share_of_reused_connections_is_zero_before_the_first_request() -> None:
    assert PoolState().reuse_ratio == 0
    assert PoolState(requests=4, reused=3).reuse_ratio == 0.75
