"""The judge of similarity, on a tiny model that the real library makes here: nothing is downloaded, nothing is faked."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ppbench import BrokenPlugin, Case, Category, Item, Schema, Trace, UsageError
from ppbench_plugins.judges.similarity import Similarity, _encoder

DATA = Schema("Translate: {data}", data=("Regen kommt.", "Der Laden schließt.", "Niemand kam."))
WORDS = ["[UNK]", "rain", "is", "due", "the", "shop", "shuts", "nobody", "came"]


def model(folder: Path) -> Path:
    """A model2vec model of nine words, each with a direction of its own, written by the library itself."""
    import numpy as np
    from model2vec import StaticModel
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.normalizers import Lowercase
    from tokenizers.pre_tokenizers import Whitespace

    tokenizer = Tokenizer(WordLevel({word: k for k, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = Lowercase(), Whitespace()
    StaticModel(np.eye(len(WORDS), dtype="float32"), tokenizer).save_pretrained(str(folder))
    return folder


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Similarity:
    return Similarity(model=str(model(tmp_path_factory.mktemp("model"))))


def case(answer: str, serial: str | None, schema: Schema | None = DATA) -> Case:
    before = None if serial is None else Trace((), serial, (serial,), 0, 1, 1)
    item = Item("x-1", "some prompt", schema=schema)
    return Case(item, Category("some", "Some", "data", "none"), Trace((), answer, (answer,), 0, 1, 1), before)


def similarity(judge: Similarity, answer: str, serial: str | None, schema: Schema | None = DATA) -> list[float]:
    about = case(answer, serial, schema)
    assert judge.plan(about) is None
    return [verdict.value for verdict in judge.verdicts(about, ())]


def test_the_same_answers_are_alike_in_whatever_layout(judge: Similarity) -> None:
    """What is compared is what both say of each subtask, not how they lay it out."""
    serial = "1. Rain is due\n2. the shop shuts\n3. nobody came"

    assert similarity(judge, serial, serial) == [1.0]
    assert similarity(judge, '["Rain is due", "the shop shuts", "nobody came"]', serial) == [1.0]
    assert similarity(judge, "3. nobody came\n1. rain is due\n2. The shop shuts", serial) == pytest.approx([1.0])


def test_each_difference_and_each_missing_part_costs_its_share(judge: Similarity) -> None:
    """Two of three words in common are a cosine of two thirds; an answer that stands alone is alike to nothing."""
    serial = "1. Rain is due\n2. the shop shuts\n3. nobody came"

    assert similarity(judge, "1. rain is came\n2. the shop shuts\n3. nobody came", serial) == pytest.approx([(2 / 3 + 2) / 3])
    assert similarity(judge, "1. Rain is due\n2. the shop shuts", serial) == pytest.approx([2 / 3])
    assert similarity(judge, "", serial) == [0.0]


def test_nothing_is_said_where_there_is_nothing_to_compare(judge: Similarity) -> None:
    """Without a serial answer, or with two empty ones, there is no verdict."""
    assert similarity(judge, "1. rain", None) == []
    assert similarity(judge, "", "") == []


def test_a_prompt_without_a_schema_is_compared_as_a_whole(judge: Similarity) -> None:
    """What it should hold is not known, and still two answers to it can be alike."""
    assert similarity(judge, "rain is due", "due is rain", schema=None) == pytest.approx([1.0])
    assert similarity(judge, "rain", "shop", schema=None) == [0.0]


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The error names the extra, before anything is judged."""
    monkeypatch.setitem(sys.modules, "model2vec", None)  # as Python marks a module that is not there
    _encoder.cache_clear()

    with pytest.raises(BrokenPlugin, match=r"pip install 'ppbench\[embeddings\]'"):
        Similarity(model=str(tmp_path)).plan(case("a", "b"))


def test_without_the_model_it_says_what_to_fetch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A name that the hub's cache does not hold is not downloaded, and neither is what is no name at all."""
    for name in ("minishlab/potion-multilingual-128M-not-here", str(tmp_path / "nowhere"), "a b"):
        with pytest.raises(UsageError, match="hf download"):
            Similarity(model=name).plan(case("a", "b"))


def test_a_folder_that_holds_no_model_is_named(tmp_path: Path) -> None:
    """The error names the folder and how to give another one."""
    with pytest.raises(UsageError, match="similarity:model=PATH"):
        Similarity(model=str(tmp_path)).plan(case("a", "b"))
