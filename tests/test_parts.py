"""Language and form of the parts of an answer."""

from __future__ import annotations

import pytest

from ppbench_plugins.judges.parts import in_wrong_form, in_wrong_language

ENGLISH = (("The train leaves at eight o'clock.",), ("I forgot my umbrella at the office.",), ("It is too hot to run today.",))
JAPANESE = (("電車は八時に出ます。",), ("事務所に傘を忘れました。",), ("走るには暑すぎます。",))


def foreign(parts: list[str | None], accepted: object, metric: str = "chrf") -> set[int]:
    return in_wrong_language(parts, accepted, metric)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "part",
    [
        "Le train part à huit heures du matin, comme tous les jours.",
        "Der Zug fährt heute leider erst um acht Uhr am Abend ab.",
        "Поезд отправляется в восемь часов.",
        "火车八点出发。",
        "القطار يغادر في الثامنة.",
    ],
)
def test_a_part_in_another_language_is_told(part: str) -> None:
    """By its script, or, where that is the same, by its language."""
    assert foreign([part, "I left my umbrella in the office.", None], ENGLISH) == {0}


@pytest.mark.parametrize(
    "part", ["Bonjour.", "Le train part à The train leaves at eight o'clock.", "8:00", "👍", "ok", "Zürich Hbf"]
)
def test_what_is_short_or_mixed_is_not_called_foreign(part: str) -> None:
    """Nothing is said unless it is sure."""
    assert foreign([part, None, None], ENGLISH) == set()


def test_scripts_that_a_language_mixes_are_one() -> None:
    """Japanese in Han letters alone is Japanese; English there is not."""
    assert foreign(["東京駅発八時", "The umbrella is at the office, I forgot it there.", None], JAPANESE) == {1}


def test_names_and_labels_have_no_language_of_their_own() -> None:
    """Where references are names, values or labels, or where there are none, nothing is said."""
    assert foreign(["Поезд отправляется в восемь часов."] * 3, ENGLISH, "set_f1") == set()
    assert foreign(["Поезд отправляется в восемь часов."] * 3, None) == set()


def test_a_form_that_no_reference_has_is_told() -> None:
    """Fences, tables, headings, JSON, and an essay in the place of a value."""
    odd = ["```\nThe train\n```", "| The | train |\n|---|---|", '{"answer": "The train"}']

    assert in_wrong_form(odd, ENGLISH, "chrf") == {0, 1, 2}
    assert in_wrong_form(["word " * 400, "212", None], (("212",), ("212",), ("3",)), "token_f1") == {0}
    assert in_wrong_form(["The train leaves at 8.", "[sic] it is", "a | b"], ENGLISH, "chrf") == set()


def test_a_form_that_the_references_have_is_right() -> None:
    """Where JSON is the answer, JSON is no fault."""
    assert in_wrong_form(['{"a": 1}', '{"a": 2}'], (('{"a": 1}',), ('{"a": 2}',)), "exact") == set()
