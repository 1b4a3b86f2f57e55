"""When the simulated services have new values."""

from __future__ import annotations

import itertools

from weatherd.simulator.cadence import latest_dwd_report, latest_owm_update, nws_reports

BEGIN, DAY = 1_800_000_000, 86400


def test_a_report_of_the_dwd_is_late() -> None:
    """Reports are of :00 and :30; each is there 5 to 10 minutes later, with little difference at one station."""
    for station in range(100_001, 100_020):
        delays = []
        for at in range(BEGIN, BEGIN + 2 * 3600, 10):
            time = latest_dwd_report(station, at)
            assert time % 1800 == 0
            if time != latest_dwd_report(station, at - 10):
                delays.append(at - time)
        assert 300 <= min(delays) <= max(delays) <= 610
        assert max(delays) - min(delays) <= 70


def test_a_station_of_the_nws_reports_at_its_minute() -> None:
    """A station has a report each hour at its own minute, some special ones, and delays of up to 20 minutes."""
    reports = list(itertools.takewhile(lambda time: time > BEGIN, nws_reports("S0332519", BEGIN + 30 * DAY)))
    minutes = {time // 60 % 60 for time in reports}
    regular = [time for time in reports if time // 60 % 60 >= 51]
    assert len({time % 3600 for time in regular}) == 1
    assert len(regular) in (719, 720)
    assert 10 <= len(reports) - len(regular) <= 60
    assert len(minutes) > 5
    assert reports == sorted(reports, reverse=True)
    delays = []
    for before, at in itertools.pairwise(range(BEGIN, BEGIN + 30 * DAY, 30)):
        time = next(nws_reports("S0332519", at))
        if time != next(nws_reports("S0332519", before)):
            delays.append(at - time)
    assert sorted(delays)[len(delays) // 2] <= 540
    assert 540 < max(delays) <= 1230


def test_updates_of_openweathermap_are_irregular() -> None:
    """Updates of a place are about ten minutes apart; a time is never in the future, and never goes back."""
    times = [latest_owm_update("54.3200,10.1300", at) for at in range(BEGIN, BEGIN + DAY, 20)]
    assert times == sorted(times)
    steps = {later - earlier for earlier, later in itertools.pairwise(sorted(set(times)))}
    assert 555 <= min(steps) < max(steps) <= 645
    assert all(time <= at < time + 650 for time, at in zip(times, range(BEGIN, BEGIN + DAY, 20), strict=True))
