"""Durations and times in the words of Go; expectations measured with Go's ``time``."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest

from labkit.openfaas_cli.faas_cli.go_time import (
    LAYOUTS,
    ZERO,
    Moment,
    duration,
    format_time,
    go_string,
    parse_time,
)

TIME = Moment(datetime(2026, 11, 9, 4, 5, 6, tzinfo=UTC), 123456000)
ELSEWHERE = Moment(TIME.seconds.astimezone(timezone(timedelta(minutes=90))), TIME.nanoseconds)
AS = 'as "2006-01-02T15:04:05Z07:00": cannot parse'


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("-5s", -5), ("1.5h", 5400), ("0", 0), ("1m0s", 60), (".5s", 0.5), ("+3s", 3), ("1h2m3s4ms", 3723.004)],
)
def test_a_duration_is_parsed_as_in_go(text: str, seconds: float) -> None:
    assert duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("5", 'time: missing unit in duration "5"'),
        ("", 'time: invalid duration ""'),
        ("x", 'time: invalid duration "x"'),
        (".", 'time: invalid duration "."'),
        ("5x", 'time: unknown unit "x" in duration "5x"'),
        ("5 s", 'time: unknown unit " s" in duration "5 s"'),
        ("5s5", 'time: missing unit in duration "5s5"'),
        ("1h-5m", 'time: unknown unit "h-" in duration "1h-5m"'),
        ("1e3s", 'time: unknown unit "e" in duration "1e3s"'),
        ("9999999999h", 'time: invalid duration "9999999999h"'),
    ],
)
def test_a_duration_is_refused_in_the_words_of_go(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        duration(text)


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("2030-01-01T00:00:00Z", "2030-01-01 00:00:00 +0000 UTC"),
        ("2030-01-01T00:00:00.5Z", "2030-01-01 00:00:00.5 +0000 UTC"),
        ("2030-01-01T00:00:00,5Z", "2030-01-01 00:00:00.5 +0000 UTC"),
        ("2030-01-01T00:00:00.120000+02:00", "2030-01-01 00:00:00.12 +0200 +0200"),
    ],
)
def test_a_time_is_parsed_and_printed_as_in_go(text: str, printed: str) -> None:
    assert go_string(parse_time(text)) == printed


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("2030-01-01", f' {AS} "" as "T"'),
        ("x", f' {AS} "x" as "2006"'),
        ("", f' {AS} "" as "2006"'),
        ("2030-01-01 00:00:00Z", f' {AS} " 00:00:00Z" as "T"'),
        ("2030-01-01T00:00:00", f' {AS} "" as "Z07:00"'),
        ("2030-01-01T00:00:00+0200", f' {AS} "+0200" as "Z07:00"'),
        ("2030-01-01t00:00:00z", f' {AS} "t00:00:00z" as "T"'),
        ("2030-13-01T00:00:00Z", ": month out of range"),
        ("2030-01-01T25:00:00Z", ": hour out of range"),
        ("2030-02-30T00:00:00Z", ": day out of range"),
    ],
)
def test_a_time_is_refused_in_the_words_of_go(text: str, problem: str) -> None:
    message = f'parsing time "{text}"{problem}'

    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parse_time(text)


@pytest.mark.parametrize(
    ("layout", "here", "elsewhere"),
    [
        (LAYOUTS["ansic"], "Mon Nov  9 04:05:06 2026", "Mon Nov  9 05:35:06 2026"),
        (LAYOUTS["unixdate"], "Mon Nov  9 04:05:06 UTC 2026", "Mon Nov  9 05:35:06 +0130 2026"),
        (LAYOUTS["rubydate"], "Mon Nov 09 04:05:06 +0000 2026", "Mon Nov 09 05:35:06 +0130 2026"),
        (LAYOUTS["rfc822"], "09 Nov 26 04:05 UTC", "09 Nov 26 05:35 +0130"),
        (LAYOUTS["rfc850"], "Monday, 09-Nov-26 04:05:06 UTC", "Monday, 09-Nov-26 05:35:06 +0130"),
        (LAYOUTS["rfc1123z"], "Mon, 09 Nov 2026 04:05:06 +0000", "Mon, 09 Nov 2026 05:35:06 +0130"),
        (LAYOUTS["rfc3339"], "2026-11-09T04:05:06Z", "2026-11-09T05:35:06+01:30"),
        (LAYOUTS["rfc3339nano"], "2026-11-09T04:05:06.123456Z", "2026-11-09T05:35:06.123456+01:30"),
        ("15:04:05.000", "04:05:06.123", "05:35:06.123"),
        ("Jan 2 3:04PM .999", "Nov 9 4:05AM .123", "Nov 9 5:35AM .123"),
        ("2006 002 __2 Monday x", "2026 313 313 Monday x", "2026 313 313 Monday x"),
        (
            "06/1/2 03:4:5 pm Z0700 -07 -070000",
            "26/11/9 04:5:6 am Z +00 +000000",
            "26/11/9 05:35:6 am +0130 +01 +013000",
        ),
        ("20060102T150405,000", "20261109T040506,123", "20261109T053506,123"),
        ("hello", "hello", "hello"),
    ],
)
def test_a_layout_is_filled_as_in_go(layout: str, here: str, elsewhere: str) -> None:
    assert (format_time(TIME, layout), format_time(ELSEWHERE, layout)) == (here, elsewhere)


def test_a_missing_time_is_go_s_zero_value() -> None:
    assert go_string(ZERO) == "0001-01-01 00:00:00 +0000 UTC"
