"""Alerts and official warnings as HTML without JavaScript."""

from __future__ import annotations

import pytest

from weatherd.web.notices.models import NoticeGroup, NoticeSummary
from weatherd.web.page.plain_notices import count_notices, render_summary


@pytest.mark.parametrize(
    ("cities", "names", "count", "text"),
    [
        ([], ["open-meteo"], 1, "<b>Alert: a&lt;b</b>. <bdi>open-meteo</bdi>. <bdi>&lt;paused&gt;</bdi>"),
        (["kiel"], ["<i>"], 3, '<b>Alert: a&lt;b</b>. <a href="?city=kiel"><bdi>&lt;i&gt;</bdi></a>, 2 more'),
        ([], [], 2, "<b>Alert: a&lt;b</b>. <bdi>&lt;paused&gt;</bdi>"),
    ],
)
def test_a_group_names_its_cities_or_what_else_it_is_about(
    cities: list[str], names: list[str], count: int, text: str
) -> None:
    """Cities are links; a part of the daemon, such as a provider, is none. All of it is escaped."""
    values = {"severity": "error", "since": "2026-01-01T00:00:00Z", "ends": None, "text": "<paused>"}
    group = NoticeGroup.model_validate(
        {"kind": "alert", "title": "a<b", "count": count, "cities": cities, "names": names, **values}
    )
    assert text in render_summary(NoticeSummary(alerts=1, warnings=0, groups=[group]))


def test_counts_are_words() -> None:
    """Nothing is said of what there is none of."""
    assert count_notices(NoticeSummary(alerts=0, warnings=0, groups=[])) == ""
    assert count_notices(NoticeSummary(alerts=1, warnings=2000, groups=[])) == "1 alert firing, 2,000 official warnings"
