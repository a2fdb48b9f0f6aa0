"""When a quota is back, as coding agents tell it.

The forms are those of messages that were seen, and their obvious neighbours:

- ``limit reached|1762952400``, ``"resets_at":1777936568``, ``"retryDelay": "34.07s"``
- ``try again in 2 days 17 hours 14 minutes``, ``will reset after 1h49m8s``
- ``resets 8:30pm (Asia/Tokyo)``, ``Access resets at 10:57 PM GMT-3``
- ``resets Oct 9, 5pm``, ``try again at May 11th, 2026 1:36 PM``
- ``will reset when your monthly cycle ends on 10/2/2026`` (month first, unless
  that is impossible)

Times without a zone are those of the zone that is passed in, or of this
machine's wall clock.  A moment that has passed tells nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import cache
from typing import Final

LONGEST: Final = 400 * 86400.0
"""Seconds; what lies further ahead is a mistake."""

JUST_PASSED: Final = 900.0
"""Seconds for which a time of day that has passed is not yet tomorrow's."""

_WINDOW: Final = 90  # characters behind "resets" or "try again" in which the time stands
_MOST_MILLISECONDS: Final = 1e15
_MOST_TRIGGERS: Final = 50  # the last ones
_LONGEST_TEXT: Final = 64 * 1024

_UNITS: Final = {
    "ms": 0.001, "millisecond": 0.001,
    "s": 1, "sec": 1, "second": 1,
    "m": 60, "min": 60, "minute": 60,
    "h": 3600, "hr": 3600, "hour": 3600,
    "d": 86400, "day": 86400,
    "w": 604800, "week": 604800,
}  # fmt: skip
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun",
                  "jul", "aug", "sep", "oct", "nov", "dec")  # fmt: skip
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_OFFSETS: Final = {
    "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7,
}  # fmt: skip
_REGIONS: Final = {"et": "America/New_York", "ct": "America/Chicago", "mt": "America/Denver",
                   "pt": "America/Los_Angeles"}  # fmt: skip

_UNIT = (
    r"(?:milliseconds?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d|weeks?|w)"
    r"(?![a-z])|(?:h|m|d)(?=\d)"
)
_AMOUNT = rf"(?:(?:\d{{1,9}}(?:\.\d{{1,12}})?\s{{0,2}}|\ban?\s)(?:{_UNIT}))"
_DURATION = rf"(?P<duration>{_AMOUNT}(?:(?:,|\sand)?\s{{0,2}}{_AMOUNT})*)"
_CLOCK = (
    r"(?P<hour>\d{1,2})(?:(?P<colon>:)(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?)?"
    r"(?:\s?(?P<half>[ap])\.?m\b\.?)?(?!\d)"
)
_ZONE = (
    r"(?:\s?(?:\((?P<zone>[A-Za-z][\w+/:-]{1,40})\)"
    r"|(?P<offset>(?:utc|gmt)(?:\s?[+-]\d{1,2}(?::?[0-5]\d)?)?|z|[+-][01]\d:?[0-5]\d)(?![\w/])"
    r"|(?P<letters>[ecmp](?:[sd])?t)(?!\w)))?"
)
_MONTH = r"(?P<month>" + "|".join(_MONTHS) + r")[a-z]{0,6}\.?"


@cache
def _trigger() -> re.Pattern[str]:
    return re.compile(
        r"\b(?:resets?|resetting|resets?[_ ]?at|renew(?:s|ed)?|refresh(?:es)?|cycle ends"
        r"|(?:try|trying) again|retry(?:ing)?|available(?: again)?|back|until|wait)\b",
        re.IGNORECASE,
    )


@cache
def _structured() -> re.Pattern[str]:
    return re.compile(
        r"limit reached\s{0,2}\|\s{0,2}(?P<bar>\d{10}(?:\d{3})?)(?!\d)"
        r"|(?<![\w-])(?:resets?[_-]?at|reset[_-]?time(?:stamp)?|quotaResetTimeStamp)[\"']?"
        r"\s{0,3}[:=]\s{0,3}[\"']?"
        r"(?:(?P<epoch>\d{10}(?:\d{3})?(?:\.\d{1,9})?)(?!\d)"
        r"|(?P<iso>\d{4}-\d\d-\d\dT[\d:.]{5,18}(?:Z|[+-]\d\d:?\d\d)?))"
        r"|(?<![\w-])(?:resets?[_-]?(?:in|after)[_-]?seconds|retry[_-]?after(?P<ms>[_-]ms)?"
        r"|retry[_-]?delay)[\"']?\s{0,3}[:=]\s{0,3}[\"']?"
        r"(?P<count>\d{1,9}(?:\.\d{1,12})?)(?![\d:-])(?:s(?![a-z]))?",
        re.IGNORECASE,
    )


@cache
def _relative() -> re.Pattern[str]:
    return re.compile(
        rf"\b(?:in|after|for|within|another)\s(?:about\s|~\s?|less than\s)?{_DURATION}",
        re.IGNORECASE,
    )


@cache
def _absolute() -> tuple[re.Pattern[str], ...]:
    at = rf"(?:(?:,|\sat|,?\sat)?\s(?:at\s)?{_CLOCK}{_ZONE})?"
    forms = (
        (
            rf"(?<!\d)(?P<year>\d{{4}})-(?P<number>\d\d)-(?P<day>\d\d)"
            rf"(?:(?:T|,?\s(?:at\s)?){_CLOCK}(?:\.\d{{1,9}})?{_ZONE})?"
        ),
        rf"(?<![\d/])(?P<first>\d{{1,2}})/(?P<other>\d{{1,2}})/(?P<year>\d{{4}})(?![\d/]){at}",
        rf"\b{_MONTH}\s(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?![\d:])(?:,?\s(?P<year>\d{{4}})(?!\d))?{at}",
        rf"(?<!\d)(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s{_MONTH}(?:,?\s(?P<year>\d{{4}})(?!\d))?{at}",
        rf"\b(?P<weekday>{'|'.join(_DAYS)})[a-z]{{0,6}}\b,?{at}",
        rf"(?<![\d:./-])(?<!\dT){_CLOCK}{_ZONE}",
    )
    return tuple(re.compile(form, re.IGNORECASE) for form in forms)


def reset_time(text: str, now: float, zone: tzinfo | None = None) -> float | None:
    """When the quota that ``text`` speaks of is back, in seconds since the epoch.

    None if the text does not say it, or names a moment that has passed.  What
    stands last counts, for a program writes its newest message at the end.
    """
    text = " ".join(text[-_LONGEST_TEXT:].split())
    found = [*_stated(text, now, zone), *_told(text, now, zone)]
    future = [(position, at) for position, at in found if now < at <= now + LONGEST]
    return max(future)[1] if future else None


def ahead(at: float | None, now: float) -> float | None:
    """A reset time that an event names, in seconds; milliseconds are recognised.

    None for one that has passed or lies too far ahead.
    """
    if at is None or not 0 < at < _MOST_MILLISECONDS:
        return None
    at = _seconds(at)
    return at if now < at <= now + LONGEST else None


def _stated(text: str, now: float, zone: tzinfo | None) -> Iterator[tuple[int, float]]:
    """What is written for programs, with its position."""
    for found in _structured().finditer(text):
        if number := found["bar"] or found["epoch"]:
            yield found.start(), _seconds(float(number))
        elif found["iso"]:
            try:
                moment = datetime.fromisoformat(found["iso"])
                yield found.start(), _timestamp(moment, zone)
            except (ValueError, OverflowError, OSError):
                continue
        else:
            yield found.start(), now + float(found["count"]) * (0.001 if found["ms"] else 1)


def _told(text: str, now: float, zone: tzinfo | None) -> Iterator[tuple[int, float]]:
    """What is written for people, with its position."""
    for trigger in list(_trigger().finditer(text))[-_MOST_TRIGGERS:]:
        window = text[trigger.end() : trigger.end() + _WINDOW]
        nearest: tuple[int, float] | None = None
        for form in (_relative(), *_absolute()):
            if (found := form.search(window)) is None:
                continue
            if nearest is not None and found.start() >= nearest[0]:
                continue
            at = _moment(found.groupdict(), now, zone)
            if at is not None:
                nearest = (found.start(), at)
        if nearest is not None:
            yield trigger.start(), nearest[1]


def _moment(part: dict[str, str | None], now: float, zone: tzinfo | None) -> float | None:
    """The moment of a match; None for one that no calendar has."""
    try:
        if (duration := part.get("duration")) is not None:
            return now + _length(duration)
        zone = _named_zone(part) or zone
        today = datetime.fromtimestamp(now, zone)
        clock = _clock(part)
        if (weekday := part.get("weekday")) is not None:
            ahead = (_DAYS.index(weekday.lower()) - today.weekday()) % 7
            return _next(today.date() + timedelta(ahead), clock or time(), 7, now, zone)
        if (day := _day(part, today.date())) is not None:
            return _on(day, clock, now, zone)
        if clock is None or not (part["colon"] or part["half"]):
            return None
        return _next(today.date(), clock, 1, now, zone)
    except (ValueError, OverflowError, OSError):
        return None


def _length(duration: str) -> float:
    total = 0.0
    for amount, unit in re.findall(
        rf"(\d+(?:\.\d+)?|\ban?(?=\s))\s{{0,2}}({_UNIT})", duration, re.IGNORECASE
    ):
        number = 1.0 if amount[0] in "aA" else float(amount)
        unit = unit.lower()
        total += number * _UNITS[unit if unit in _UNITS else unit.removesuffix("s")]
    return total


def _clock(part: dict[str, str | None]) -> time | None:
    if (written := part["hour"]) is None:
        return None
    hour, half = int(written), (part["half"] or "").lower()
    if half:
        if not 1 <= hour <= 12:
            raise ValueError
        hour = hour % 12 + (12 if half == "p" else 0)
    return time(hour, int(part["minute"] or 0), int(part["second"] or 0))


def _day(part: dict[str, str | None], today: date) -> date | None:
    if (first := part.get("first")) is not None:
        month, day = int(first), int(part["other"] or 0)
        if month > 12:
            month, day = day, month
        return date(int(part["year"] or 0), month, day)
    if (written := part.get("day")) is None:
        return None
    number, name = part.get("number"), part.get("month")
    month = int(number) if number else _MONTHS.index((name or "").lower()) + 1
    if year := part.get("year"):
        return date(int(year), month, int(written))
    this_year = date(today.year, month, int(written))
    return this_year if this_year >= today else date(today.year + 1, month, int(written))


def _on(day: date, clock: time | None, now: float, zone: tzinfo | None) -> float:
    """A moment of ``day``; without a time of day its beginning, or its end if that has passed."""
    at = _timestamp(datetime.combine(day, clock or time()), zone)
    if clock is None and at <= now:
        at = _timestamp(datetime.combine(day + timedelta(1), time()), zone)
    return at


def _next(day: date, clock: time, every: int, now: float, zone: tzinfo | None) -> float:
    """The next ``clock`` from ``day`` on, again ``every`` so many days.

    One that has just passed is not put off: then the quota is back already.
    """
    at = _timestamp(datetime.combine(day, clock), zone)
    if at <= now - JUST_PASSED:
        at = _timestamp(datetime.combine(day + timedelta(every), clock), zone)
    return at


def _named_zone(part: dict[str, str | None]) -> tzinfo | None:
    """The zone that is written behind a time; None for none, or an unknown one."""
    if offset := part.get("offset"):
        return _fixed(offset)
    name = part.get("zone") or part.get("letters")
    if not name:
        return None
    folded = name.lower()
    if folded in _OFFSETS:
        return timezone(timedelta(hours=_OFFSETS[folded]))
    if folded[:3] in ("utc", "gmt"):
        return _fixed(name)
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(_REGIONS.get(folded, name))
    except (LookupError, ValueError, OSError):
        return None


def _fixed(offset: str) -> tzinfo | None:
    found = re.search(r"([+-])(\d{1,2}):?(\d\d)?$", offset)
    if found is None:
        return UTC
    ahead = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
    return timezone(ahead if found[1] == "+" else -ahead) if ahead < timedelta(1) else None


def _timestamp(moment: datetime, zone: tzinfo | None) -> float:
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()


def _seconds(number: float) -> float:
    """Seconds of a number that may count milliseconds."""
    return number / 1000 if number >= 1e11 else float(number)
