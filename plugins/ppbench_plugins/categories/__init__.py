"""The seven canonical categories of ParallelPrompt (section 3), and `general`, as values."""

from __future__ import annotations

from typing import Any

from ppbench import Category, data_dir, hookimpl


def _category(name: str, title: str, *, system: str, criteria: tuple[str, ...], **fields: Any) -> Category:
    alone = data_dir("tasks") / f"{name}.jsonl"
    path = str(alone if alone.is_file() else data_dir("tasks") / name)
    return Category(id=name, title=title, system=system, criteria=criteria, prompts=path, **fields)


CATEGORIES = (
    _category("repeated_generation", "Repeated Generation", kind="n", metric="none",
              system="You write short original texts. Give only what is asked for.",
              criteria=("fits the request", "distinct from the others"), aliases=("Repeated Generation", "RG")),
    _category("reading_comprehension", "Reading Comprehension", kind="data", metric="token_f1", needs_context=True,
              system="You answer questions from the given text. Be brief and exact.",
              criteria=("supported by the text", "complete"), aliases=("Reading Comprehension", "RC")),
    _category("named_entity_recognition", "Named Entity Recognition", kind="data", metric="set_f1",
              system="You find the entities that are asked for. Give nothing else.",
              criteria=("no entity missing", "no entity invented"),
              aliases=("Named Entity Recognition", "Named Entity Extraction", "NER")),
    _category("keyword_extraction", "Keyword Extraction", kind="data", metric="set_f1",
              system="You extract the words or values that are asked for, as they stand in the text.",
              criteria=("as in the text", "nothing irrelevant"), aliases=("Keyword Extraction", "KE")),
    _category("translation", "Translation", kind="data", metric="chrf",
              system="You translate. Give only the translation.",
              criteria=("meaning kept", "natural"), aliases=("Translation",)),
    _category("grammatical_correction", "Grammatical Correction", kind="data", metric="chrf",
              system="You correct the language of a text and keep its meaning. Give only the corrected text.",
              criteria=("errors gone", "meaning kept"),
              aliases=("Language Correction", "Grammatical Correction", "Grammar Correction")),
    _category("sentiment_analysis", "Sentiment Analysis", kind="data", metric="label",
              system="You name the sentiment of a text with one of the labels asked for.",
              criteria=("right label",), aliases=("Sentiment Analysis",)),
    _category("general", "General", kind="data", metric="none", system="", criteria=()),
)  # fmt: skip


@hookimpl
def ppbench_categories() -> tuple[Category, ...]:
    return CATEGORIES
