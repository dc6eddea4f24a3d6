"""Invented names in place of placeholders: the same everywhere, and given back without a trace."""

from __future__ import annotations

import re
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppbench_plugins.decomposers.names import Names, _candidates, placeholders

PIECES = st.sampled_from(
    ["NAME_1", "NAME_2", "NAME_12", "NAME_", "NAME", "_", "1", "说", "é", "ом", "x", " ", "'s", "Pobemege", "pobemege",
     "GEBOVIMI", "Pobe", "mege", "Tubukoru", "\u0301", "\u200d", "\ud800", "١", "{data}", "$1", "\n"]
)  # fmt: skip
TEXTS = st.one_of(st.text(), st.lists(PIECES).map("".join))


@given(TEXTS)
def test_a_text_comes_back_as_it_was(text: str) -> None:
    """restore undoes replace, whatever stands beside a placeholder or looks like a name."""
    names = Names.of(text)

    assert names.restore(names.replace(text)) == text
    assert placeholders(names.replace(text)) == []


@given(st.lists(TEXTS, max_size=4))
def test_texts_share_their_names(texts: list[str]) -> None:
    """A placeholder has one name in all of them, two placeholders have two, and each text comes back."""
    names = Names.of(*texts, None)
    chosen = [name for _, name in names.pairs]

    assert len(set(chosen)) == len(chosen) == len({name for text in texts for name in placeholders(text)})
    assert [names.restore(names.replace(text)) for text in texts] == texts
    assert not any(name.casefold() in text.casefold() for name in chosen for text in texts)


@pytest.mark.parametrize(
    ("text", "found"),
    [("NAME_1 met NAME_12.", ["NAME_1", "NAME_12"]), ("NAME_1's, (NAME_2)", ["NAME_1", "NAME_2"]), ("和NAME_1说", ["NAME_1"]),
     ("для NAME_3ом", ["NAME_3"]), ("NAME_1NAME_2", ["NAME_1", "NAME_2"]), ("Y-NAME_1\nNAME_1", ["NAME_1", "NAME_1"]),
     ("FILENAME_1 MY_NAME_2 3NAME_4", []), ("NAME_ NAME NAME_x name_1", []),
     ("NAME_1s NAME_12x NAME_1NAME_2x", []), ("NAME_1_x", ["NAME_1"]), ("éNAME_1", ["NAME_1"])],
)  # fmt: skip
def test_placeholders_are_told_from_identifiers(text: str, found: list[str]) -> None:
    """Beside any script and any mark, but not behind an ASCII letter, digit or underscore."""
    assert placeholders(text) == found


def test_names_go_by_order_and_leave_out_those_that_stand_in_the_text() -> None:
    """NAME_1 and NAME_10 are two people; a name that the text has, in whatever case, is nobody's."""
    names = Names.of("NAME_10 wrote to NAME_1. GEBOVIMI and pobemegeo read it.")

    assert names.pairs == (("NAME_10", "Tubukoru"), ("NAME_1", "Midesuza"))
    assert names.replace("NAME_1 and NAME_10 and NAME_2") == "Midesuza and Tubukoru and NAME_2"
    assert names.restore("Dear Midesuza, Tubukoru's friend") == "Dear NAME_1, NAME_10's friend"


def test_a_name_is_found_as_a_whole_word() -> None:
    """Beside marks, digits, other scripts and another name; within a word of Latin letters it is another name."""
    names = Names.of("NAME_1 and NAME_2")

    assert names.restore("Pobemege, 和Pobemege说, PobemegeGebovimi Gebovimi's") == "NAME_1, 和NAME_1说, NAME_1NAME_2 NAME_2's"
    for text in ("Matthias Pobemegeus", "McPobemege", "PobemegeGebovimis", "Matthias Corvinus wrote to Anselm."):
        assert names.restore(text) == text


def test_no_name_can_be_mistaken_for_another() -> None:
    """One capital letter, the first; none begins another; enough of them for any conversation."""
    names = list(islice(_candidates(), 1000))

    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[A-Z][a-z]{3,}", name) for name in names)
    ordered = sorted(names)
    assert not any(after.startswith(before) for before, after in pairwise(ordered))


def test_a_text_full_of_placeholders_keeps_them() -> None:
    """Two hundred different ones are given names, more are no conversation; neither takes long."""
    many = " ".join(f"NAME_{k}" for k in range(200))

    assert len(Names.of(many).pairs) == 200
    assert Names.of(many + " NAME_200") == Names()
    assert Names().replace(many) == Names().restore(many) == many
