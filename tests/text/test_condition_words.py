"""Words for present weather in every language."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import TYPE_CHECKING, Any, get_args

import pytest

from weatherd import wmo
from weatherd.text.condition_words import Language, fill_gaps, load_words, read_words

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LANGUAGES = get_args(Language)
# The codes without words, by language: they are shown in English
LETTERS = str.maketrans("łøåæ", "loae")
GAPS: dict[str, set[int]] = {}
# The languages without separate words for a clear sky by day and by night, as in MET Norway's official words
ONE_WORD = {"nb", "nn"}

# The codes of World Weather Online that mean the same as a WMO code
WWO = {
    0: (113, 114),
    2: (116,),
    3: (119, 122),
    10: (143,),
    45: (248,),
    48: (260,),
    51: (263, 266),
    53: (263, 266),
    56: (281, 284),
    57: (281, 284),
    61: (293, 296),
    63: (299, 302),
    65: (305, 308),
    66: (311, 314),
    67: (311, 314),
    68: (317, 320),
    69: (317, 320),
    71: (323, 326),
    73: (329, 332),
    75: (335, 338),
    80: (353, 356),
    81: (353, 356),
    82: (359, 356),
    83: (362, 365),
    84: (362, 365),
    85: (368, 371),
    86: (368, 371),
    95: (389, 200),
}
# The abbreviations of METAR that mean the same as a WMO code
METAR = {
    0: "CloudQuantity.SKC",
    3: "CloudQuantity.OVC",
    4: "Phenomenon.FU",
    5: "Phenomenon.HZ",
    6: "Phenomenon.DU",
    8: "Phenomenon.PO",
    10: "Phenomenon.BR",
    45: "Phenomenon.FG",
    53: "Phenomenon.DZ",
    63: "Phenomenon.RA",
    73: "Phenomenon.SN",
    77: "Phenomenon.SG",
    95: "Descriptive.TS",
    99: "Phenomenon.GR",
}
# MET Norway's symbols, whose words are official in both forms of Norwegian
SYMBOLS = {
    0: "clearsky",
    1: "fair",
    2: "partlycloudy",
    3: "cloudy",
    45: "fog",
    61: "lightrain",
    63: "rain",
    65: "heavyrain",
    68: "lightsleet",
    69: "heavysleet",
    71: "lightsnow",
    73: "snow",
    75: "heavysnow",
    80: "lightrainshowers",
    81: "rainshowers",
    82: "heavyrainshowers",
    83: "lightsleetshowers",
    84: "heavysleetshowers",
    85: "lightsnowshowers",
    86: "heavysnowshowers",
}
# Where our words differ on purpose, with the reason
DIFFERENCES = {
    ("wwo", "de"): ({10}, "the legend calls mist fog"),
    ("metar", "de"): ({0, 53}, "sunny by day; Nieselregen is the everyday word for Sprühregen"),
    ("metar", "fr"): ({0}, "sunny by day, and a positive phrase by night"),
    ("wwo", "es"): ({10, 80, 81, 82}, "neblina is mist; chubasco is AEMET's word for a shower"),
    ("wwo", "it"): ({10, 51, 53, 68, 69}, "foschia is mist, pioviggine drizzle; nevischio is not sleet"),
    ("wwo", "nl"): (
        {10, 48, 56, 57, 66, 67, 68, 69},
        "hagel is hail and rijp frost; KNMI says nevel, ijzel, natte sneeuw",
    ),
    ("metar", "pl"): ({0, 3}, "sunny by day; the legend counts eighths"),
    ("wwo", "pt"): ({2, 10, 68, 69, 80, 81, 82}, "granizo is hail; IPMA says aguaceiros and neblina"),
    ("wwo", "nb"): ({48, 51, 53, 56, 57}, "yr is drizzle, underkjølt freezing"),
    ("wwo", "nn"): ({45, 48, 51, 53, 56, 57}, "skodde is MET Norway's word for fog; the rest as in nb"),
    ("wwo", "da"): ({48}, "rimtåge leaves rime"),
    ("wwo", "cs"): ({2, 10, 85, 86}, "CHMI says polojasno, kouřmo and přeháňky; sprcha is a shower to wash in"),
}
# The beginnings of words for strength, which do not tell the kind of weather
STRENGTHS = {
    *("ligh", "heav", "mode", "leic", "star", "gema", "lege", "fort", "faib", "lige", "fuer", "inte", "muy", "debo"),
    *("legg", "inte", "fort", "pesa", "lich", "zwar", "zeer", "lekk", "slab", "siln", "umia", "frac", "lett", "kraf"),
    *("let", "star", "heft", "viol", "prud", "chut", "opad", "avec", "con", "mit", "med", "poss"),
}


def find_stems(words: str) -> set[str]:
    """Return the first four letters of each word for a kind of weather, without accents, since endings differ."""
    stems = {word[:4] for word in re.findall(r"[a-z]+", strip_accents(words)) if len(word) > 1}
    return stems - STRENGTHS


def strip_accents(text: str) -> str:
    """Return a text in lower-case ASCII letters."""
    return unicodedata.normalize("NFKD", text.casefold().translate(LETTERS)).encode("ascii", "ignore").decode()


def translate_code(code: int, language: Language, *, is_day: bool) -> str:
    """Return the words for a WMO code: ``sonnig`` or ``klar`` for 0 in German."""
    words = load_words(language)[code]
    return words if isinstance(words, str) else words[0 if is_day else 1]


def is_same_kind(code: int, language: Language, legend: str) -> bool:
    """Return whether the legend has a word for the same kind of weather as ours, by day or by night."""
    ours = " ".join(translate_code(code, language, is_day=is_day) for is_day in (True, False))
    return any(stem in strip_accents(legend) for stem in find_stems(ours))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_gap_is_listed(language: Language) -> None:
    """A language has words for every code, and for no other, except for the gaps that are listed here."""
    assert set(wmo.DESCRIPTIONS) - set(read_words(language)) == GAPS.get(language, set())
    assert set(read_words(language)) <= set(wmo.DESCRIPTIONS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_are_texts_for_people(language: Language) -> None:
    """Words are one printable line, differ from code to code, and are in lower case except for German nouns."""
    for is_day in (True, False):
        words = [translate_code(code, language, is_day=is_day) for code in wmo.DESCRIPTIONS]
        assert len(set(words)) == len(words)
        assert all(text and text.isprintable() and text == " ".join(text.split()) for text in words)
        assert language == "de" or words == [text.lower() for text in words]


@pytest.mark.parametrize("language", LANGUAGES)
def test_day_and_night_are_told_apart(language: Language) -> None:
    """A clear sky is sunny by day only, except in a language that has one word for both; rain is the same."""
    day, night = (translate_code(0, language, is_day=is_day) for is_day in (True, False))
    assert (day == night) == (language in ONE_WORD)
    assert translate_code(61, language, is_day=True) == translate_code(61, language, is_day=False)


def test_missing_words_are_english() -> None:
    """A language that lacks a word has the English one; a code without words is left to the service's description."""
    german, english = read_words("de"), read_words("en")
    without_fog = {code: words for code, words in german.items() if code != 45}
    assert fill_gaps(without_fog, english) == {**german, 45: "fog"}
    assert 42 not in load_words("de")


def load_legend(recorded: Path, name: str) -> Any:
    """Return a table of another project."""
    return json.loads((recorded / "words" / name).read_text())


def compare(source: str, language: Language, legend: dict[int, str]) -> Iterator[str]:
    """Yield the codes at which ours differ from a legend and are not listed, or are listed and do not differ."""
    codes, _ = DIFFERENCES.get((source, language), ((), ""))
    for code, text in legend.items():
        if (is_same := is_same_kind(code, language, text)) == (code in codes):
            ours = translate_code(code, language, is_day=True)
            yield f"{source} {language} {code}: {ours} {'agrees with' if is_same else '/'} {text}"


def test_words_agree_with_the_legends(recorded: Path) -> None:
    """Our words share the main word with the tables of wttr.in and of METAR decoders, except for listed differences."""
    wwo, metar = (
        load_legend(recorded, name)
        for name in ("wttr_wwo_codes_many_languages.json", "metar_phenomena_9_languages.json")
    )
    found: list[str] = []
    for language in LANGUAGES:
        texts = {
            code: " ".join(entry.get(language, "") for number in numbers for entry in wwo[str(number)])
            for code, numbers in WWO.items()
        }
        found += compare("wwo", language, {code: text for code, text in texts.items() if text.strip()})
        named = {code: metar[key][language] for code, key in METAR.items() if language in metar[key]}
        found += compare("metar", language, named)
    assert found == [], "\n".join(found)


@pytest.mark.parametrize("language", ["nb", "nn"])
def test_norwegian_words_are_the_official_ones(recorded: Path, language: Language) -> None:
    """MET Norway's words are used where it has a symbol for the code."""
    legend = load_legend(recorded, "metno_symbol_code_en_nb_nn.json")
    for code, symbol in SYMBOLS.items():
        assert translate_code(code, language, is_day=True) == legend[symbol][language].lower()
