from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.quota import LONGEST, ahead, reset_time

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 22, 14, 0, tzinfo=BERLIN).timestamp()  # a Sunday


def at(text: str, zone: tzinfo | None = BERLIN) -> str | None:
    found = reset_time(text, NOW, zone)
    return None if found is None else f"{datetime.fromtimestamp(found, BERLIN):%m-%d %H:%M:%S}"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("resets at 3pm", "11-22 15:00:00"),
        ("You've hit your limit · resets 10pm (America/New_York)", "11-23 04:00:00"),
        ("You've hit your session limit · resets 1:30am (Asia/Dhaka)", "11-22 20:30:00"),
        ("Claude usage limit reached. Your limit will reset at 1pm (Etc/GMT+5).", "11-22 19:00:00"),
        ("Limits will reset at 9:30 AM. View your usage details.", "11-23 09:30:00"),
        ("Usage limit reached. Access resets at 10:57 PM GMT-3.", "11-23 02:57:00"),
        ("resets 15:04", "11-22 15:04:00"),
        ("resets at 12am", "11-23 00:00:00"),
        ("resets at 12 p.m. UTC", "11-23 13:00:00"),
        ("resets 3pm PT", "11-23 00:00:00"),
        ("resets 3pm (Nowhere/Atlantis)", "11-22 15:00:00"),
        ("resets 3pm (UTC+5:30)", "11-23 10:30:00"),
        ("resets Dec 9, 5pm (America/New_York)", "12-09 23:00:00"),
        ("resets Dec 9 at 5pm", "12-09 17:00:00"),
        ("or try again at Dec 11th, 2026 1:36 PM.", "12-11 13:36:00"),
        ("resets Thursday at 3pm", "11-26 15:00:00"),
        ("resets Mon 12:00 AM", "11-23 00:00:00"),
        ("until 3 Dec 2026 at 14:30 UTC", "12-03 15:30:00"),
        ("will reset on 2026-11-23 01:55:13", "11-23 01:55:13"),
    ],
)
def test_a_time_of_day_is_the_next_one_in_its_zone(text: str, moment: str) -> None:
    assert at(text) == moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("try again in 2h 15m", "11-22 16:15:00"),
        ("resets in 45 minutes", "11-22 14:45:00"),
        ("or try again in 2 days 17 hours\n14 minutes.", "11-25 07:14:00"),
        ("Your quota will reset after 1h49m8s.", "11-22 15:49:08"),
        ("Please retry in 34.07s", "11-22 14:00:34"),
        ("retry after 500ms", "11-22 14:00:00"),
        ("Expected quota reset within 24h.", "11-23 14:00:00"),
        ("please try again in an hour", "11-22 15:00:00"),
        ("wait for about 3 hours and 5 minutes", "11-22 17:05:00"),
        ("resets in 1 week", "11-29 14:00:00"),
    ],
)
def test_a_length_of_time_counts_from_now(text: str, moment: str) -> None:
    assert at(text) == moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        (f"Claude AI usage limit reached|{NOW + 60:.0f}", "11-22 14:01:00"),
        (f"usage limit reached|{(NOW + 60) * 1000:.0f}", "11-22 14:01:00"),
        (f'{{"resets_at":{NOW + 90:.0f},"resets_in_seconds":90}}', "11-22 14:01:30"),
        (f'"resetsAt": {NOW + 90:.0f}', "11-22 14:01:30"),
        ('"retryDelay": "90s"', "11-22 14:01:30"),
        ("retry-after: 120", "11-22 14:02:00"),
        ("retry_after_ms=1500", "11-22 14:00:01"),
        ('"quotaResetTimeStamp": "2026-11-22T18:00:00Z"', "11-22 19:00:00"),
        ("reset_at=2026-11-22T18:00:00.250", "11-22 18:00:00"),
    ],
)
def test_what_is_written_for_programs_is_read(text: str, moment: str) -> None:
    assert at(text) == moment


CURSOR = """Error: You've hit your usage limit
  fallbackModel:
  spendLimitHit: false
  chatMessage: *You've hit your free requests limit. Your usage limits will
reset when your monthly cycle ends on 12/2/2026.*
  spendLimits: [50,100,200]
"""


def test_cursors_months_come_before_the_days() -> None:
    assert at(CURSOR) == "12-02 00:00:00"
    assert at(CURSOR.replace("12/2", "22/12")) == "12-22 00:00:00"


def test_of_a_day_that_has_begun_the_end_counts() -> None:
    assert at(CURSOR.replace("12/2", "11/22")) == "11-23 00:00:00"


def test_the_weekly_limit_in_the_headers_is_not_the_one_that_was_hit() -> None:
    text = (
        f'"resets_at":{NOW + 90:.0f}}},"headers":{{"X-Codex-Secondary-Reset-At":"{NOW + 9e5:.0f}"}}'
    )
    assert at(text) == "11-22 14:01:30"


def test_the_newest_message_counts() -> None:
    assert at("resets in 5 minutes\nretrying\nresets in 20 minutes") == "11-22 14:20:00"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "resets",
        "resets soon",
        "resets at 3",
        "resets 25:77",
        "resets at 13pm",
        "resets Feb 30",
        "cycle ends on 13/13/2026",
        "cycle ends on 11/20/2026",
        f"usage limit reached|{NOW - 60:.0f}",
        "resets_at: 0",
        "try again in 999999999 weeks",
        "try again in 0 seconds",
        "in 5 minutes",
        "at 3pm",
        "resets 2026-11-22T12:59:00Z in another life",
        "reset_at=9999-12-31T23:59:59-23:59",
        "reset_at=0000-00-00T00:00:00",
    ],
)
def test_what_says_nothing_of_the_future_is_nothing(text: str) -> None:
    assert reset_time(text, NOW, BERLIN) is None


def test_a_time_that_has_just_passed_is_not_tomorrows() -> None:
    assert at("resets at 1:55pm") is None
    assert at("resets at 1:30pm") == "11-23 13:30:00"


def test_the_night_in_which_the_clocks_go_back_is_an_hour_longer() -> None:
    before = datetime(2026, 10, 24, 23, 0, tzinfo=BERLIN).timestamp()
    assert reset_time("resets 6am", before, BERLIN) == before + 8 * 3600


def test_without_a_zone_the_clock_is_that_of_this_machine() -> None:
    found = reset_time("resets 3pm", NOW)
    assert found is not None
    moment = datetime.fromtimestamp(found)  # noqa: DTZ006
    assert (moment.hour, moment.minute) == (15, 0)


def test_a_reset_time_of_an_event_is_checked() -> None:
    assert ahead(NOW + 60, NOW) == NOW + 60
    assert ahead((NOW + 60) * 1000, NOW) == NOW + 60
    for odd in (None, NOW, NOW - 1, float("nan"), float("inf"), 10**400, -5, NOW + 1e9):
        assert ahead(odd, NOW) is None


WORDS = st.lists(
    st.sampled_from(
        ["reset", "resets at", "try again", "in", "after", "on", "at", "until", "1", "2h", "15m",
         "3pm", "12:61", "24:00", "10/2/2026", "99/99/9999", "2026-13-45", "Feb 29", "Oct 9,",
         "5:30 am", "(America/New_York)", "(../../etc/passwd)", "GMT+99", "UTC-3", "Mon", "wait",
         "an hour", "9" * 12, "retry-after: 5", "resets_at=1795352500", "limit reached|1795352500",
         "0s", "(UTC+25)", "0000-00-00", "T", "Z", "\n", "٣pm", "1.5.0"]
    )
)  # fmt: skip


@settings(deadline=None, max_examples=400)
@given(WORDS, st.floats(0, 4e9), st.integers(-14, 14))
def test_a_moment_lies_ahead_and_not_too_far(words: list[str], now: float, ahead: int) -> None:
    found = reset_time(" ".join(words), now, timezone(timedelta(hours=ahead)))
    assert found is None or now < found <= now + LONGEST


@settings(deadline=None, max_examples=200)
@given(st.text())
def test_any_text_is_taken(text: str) -> None:
    found = reset_time(f"resets {text}", NOW, UTC)
    assert found is None or NOW < found <= NOW + LONGEST


@settings(deadline=None)
@given(st.integers(0, 30), st.integers(0, 23), st.integers(0, 59), st.integers(1, 59))
def test_every_way_to_write_a_length_of_time_means_the_same(
    days: int, hours: int, minutes: int, seconds: int
) -> None:
    total = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds).total_seconds()
    for text in (
        f"{days}d{hours}h{minutes}m{seconds}s",
        f"{days}d {hours}h {minutes}m {seconds}s",
        f"{days} days, {hours} hours, {minutes} minutes and {seconds} seconds",
        f"{days} day {hours} hrs {minutes} mins {seconds} secs",
    ):
        assert reset_time(f"try again in {text}.", NOW, UTC) == NOW + total
