"""The cities and the time range that ``weatherd history`` and ``weatherd export`` take."""

from __future__ import annotations

import time
import unicodedata
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.commands import run_weatherd
from tests.support.fakes import make_fetched
from weatherd.city import City
from weatherd.journal.store import Store
from weatherd.text.local_zone import find_local_zone

if TYPE_CHECKING:
    from pathlib import Path

    from weatherd.observation import Observation


NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("history", "Kil"), "weatherd: no city is named 'Kil'; did you mean 'Kiel'?\n"),
        (("history", "Kiel", "--since", "soon"), "should be a duration before now (24h, 3 days"),
        (("history", "Kiel", "--since", "7"), "'7' has no unit: 7h are hours, 7d days"),
        (("export", "--since", "24"), "'24' has no unit"),
        (("history", "Kiel", "--since", "1h", "--until", "2h"), "'--since': should be before --until, which is 2h"),
        (("export", "--since", "today", "--until", "2d"), "'--since': should be before --until, which is 2d"),
        (("export", "--tag", "a=1", "--tag", "a=2"), "'--tag': a=1 and a=2 exclude each other"),
        (
            ("export", "--tag", "north"),
            "'--tag': should be KEY=VALUE such as region=north, not 'north' (see weatherd export",
        ),
        (("export", "Kil"), "weatherd: no city is named 'Kil'; did you mean 'Kiel'?\n"),
    ],
)
@pytest.mark.usefixtures("stored")
def test_a_wrong_argument_is_explained(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    """The error shows the valid forms; exit code 64."""
    code, _, err = run_weatherd(capsys, *arguments)
    assert code == 64
    assert message.casefold() in err.casefold()


def test_without_a_journal_the_error_suggests_a_fix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The error suggests to start the daemon; exit code 74."""
    (tmp_path / "weatherd.yaml").write_text("state: state\n")
    (tmp_path / "cities.yaml").write_text("cities:\n  - {name: Kiel, lat: 54.3, lon: 10.1}\n")
    code, _, err = run_weatherd(capsys, "history", "Kiel", "--config", str(tmp_path / "weatherd.yaml"))
    assert code == 74
    assert "start weatherd run" in err


@pytest.mark.usefixtures("stored")
def test_an_id_takes_precedence_over_the_name_of_another_city(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the order of the list; a name in another case is still found."""
    named, with_id = "{name: Kiel, id: a-kiel, lat: 1, lon: 1}", "{name: Kiel-Holtenau, id: kiel, lat: 54.3, lon: 10.1}"
    for rows in ([named, with_id], [with_id, named]):
        (tmp_path / "cities.yaml").write_text("cities:\n" + "".join(f"  - {row}\n" for row in rows))
        assert run_weatherd(capsys, "history", "kiel")[1].startswith("Kiel-Holtenau: ")
        assert run_weatherd(capsys, "history", "KIEL")[1].splitlines()[-1] == "no observations"
        assert run_weatherd(capsys, "export", "kiel", "--since", "1h")[1].count("\n") > 1


def test_the_history_of_a_hashed_id_is_found(
    stored: list[Observation], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name that earlier releases turned into a hash shows what they recorded, until its new id has a history."""
    (tmp_path / "cities.yaml").write_text("cities:\n  - {name: Москва, lat: 54.3, lon: 10.1}\n")
    with closing(Store(tmp_path / "state" / "weatherd.sqlite")) as store:
        former = City(name="Москва", lat=54.3, lon=10.1, id="city-2b706e6a")
        store.add([make_fetched(former, observed_at=stored[0].observed_at)])
        assert "1 observation\n" in run_weatherd(capsys, "history", "Москва")[1]
        for minutes in (20, 30):
            at = NOW - timedelta(minutes=minutes)
            store.add([make_fetched(City(name="Москва", lat=54.3, lon=10.1), observed_at=at)])
    assert "2 observations\n" in run_weatherd(capsys, "history", "Москва")[1]


@pytest.mark.usefixtures("stored")
def test_a_name_of_two_cities(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is ambiguous, and the message names both ids; an id is not."""
    (tmp_path / "cities.yaml").write_text(
        "cities:\n  - {name: Kiel, lat: 54.3, lon: 10.1}\n  - {name: KIEL, lat: 44.9, lon: -87.4, id: kiel-wi}\n"
    )
    for command in ("history", "export"):
        code, out, err = run_weatherd(capsys, command, "Kiel")
        assert (code, out, err) == (64, "", "weatherd: 2 cities are named 'Kiel': use an id (kiel, kiel-wi)\n")
        assert run_weatherd(capsys, command, "kiel")[0] == run_weatherd(capsys, command, "kiel-wi")[0] == 0


DECOMPOSED = unicodedata.normalize("NFD", "Österåker")


def test_a_name_is_found_in_every_spelling(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In either Unicode form and case; after a rename or removal by the id, or the name, that the city had."""
    (tmp_path / "weatherd.yaml").write_text("state: state\n")
    city, config = City(name=DECOMPOSED, lat=1.0, lon=1.0), ("--config", str(tmp_path / "weatherd.yaml"))
    (tmp_path / "state").mkdir()
    with closing(Store(tmp_path / "state" / "weatherd.sqlite")) as store:
        store.add([make_fetched(city)])
    for rows, known in ((f"- {{name: {DECOMPOSED}, lat: 1, lon: 1}}", DECOMPOSED), ("[]", "osteraker")):
        (tmp_path / "cities.yaml").write_text(f"cities:\n  {rows}\n")
        for name in ("Österåker", DECOMPOSED, "ÖSTERÅKER", "osteraker", "OSTERAKER"):
            code, out, _ = run_weatherd(capsys, "history", name, *config)
            assert (code, out.partition(":")[0]) == (0, known)
            assert run_weatherd(capsys, "export", name, *config)[1].count("\n") == 2
    assert run_weatherd(capsys, "history", "Ostersund", *config)[0] == 64


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    "arguments",
    [
        ("history", "Kiel", "--since", f"{NOW - timedelta(hours=20):%Y-%m-%d}", "--until", f"{NOW:%Y-%m-%dT%H:%MZ}"),
        ("history", "Kiel", "--since", "1195m", "--format", "csv"),
        ("history", "Kiel", "--since", "1 day", "--by", "day"),
        ("history", "Kiel", "--since", "1 day", "--by", "hour"),
        ("export", "--since", f"{NOW - timedelta(hours=20):%Y-%m-%dT%H:%M:%SZ}"),
    ],
)
def test_the_zone_of_the_machine_does_not_matter(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """Times and days are those of the city, or UTC, wherever the command runs."""
    printed = []
    for zone in ("UTC", "Pacific/Auckland"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        find_local_zone.cache_clear()
        printed.append(run_weatherd(capsys, *arguments))
    monkeypatch.undo()
    time.tzset()
    find_local_zone.cache_clear()
    assert printed[0][0] == 0
    assert printed[0][1].count("\n") > 5
    assert printed[0] == printed[1]


@pytest.mark.parametrize("text", [None, "cities: [{name: Kiel, lat: 1, lon: 2}", "cities: 5"])
@pytest.mark.usefixtures("stored")
def test_a_broken_list_does_not_hide_the_journal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None
) -> None:
    """The mistake is reported, and a city is found by the id that the journal has, or by the name that makes it."""
    (tmp_path / "cities.yaml").unlink()
    if text:
        (tmp_path / "cities.yaml").write_text(text)
    for command in (("history", "Kiel"), ("export", "Kiel")):
        code, out, err = run_weatherd(capsys, *command)
        assert (code, "kiel" in out) == (0, True)
        assert "cities.yaml" in err
        assert "continuing without the list" in err
