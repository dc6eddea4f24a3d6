"""Names the category of a split by cues of its instruction, in 13 languages, where no model says it. Pure.

The order decides where several cues speak: a number of pieces is repeated generation whatever it says; then correction,
translation, sentiment, entities, keywords; questions about a text that is given are reading comprehension. What has no cue
is `general`: in doubt nothing is claimed. A cue is the beginning of a word, or in scripts without spaces any piece of the
text; the words are in `cues.json`, and README.md says how often they are right.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from ppbench import Schema
from ppbench_plugins.decomposers.rules.lexicon import fold, spoken, words, words_of

_WORDS = Path(__file__).with_name("cues.json")
_ORDER = (
    "grammatical_correction", "translation", "sentiment_analysis", "named_entity_recognition", "keyword_extraction",
)  # fmt: skip
_FIELD = 60
"""Letters that the name of a value has at most."""
_ASKED = ("?", "？", "؟", "՞", ";")
_SHORT = 400
"""Letters of an instruction that are looked at: what stands further behind is material."""


def category_of(schema: Schema, text: str, language: str) -> str:
    """The category of a schema that was taken from a text."""
    if schema.n is not None:
        return "repeated_generation"
    code = words_of(text, language).code
    asked = sum(item.rstrip(" \"'”»」』*").endswith(_ASKED) for item in schema.data or ())
    if schema.context and asked * 2 > schema.size:
        return "reading_comprehension"
    heard = spoken(_instruction(schema)[:_SHORT])
    strong = next((name for name in _ORDER if _said(name, heard, code)), "")
    return strong or _weakly(schema, heard, code) or "general"


def _weakly(schema: Schema, heard: str, code: str) -> str:
    """What the words of the rules say, which are looser; then the form: short things to be found in a text that is given."""
    known = words(code)
    if known.said("mend", heard):
        return "grammatical_correction"
    if schema.context:
        return "keyword_extraction" if all(len(item) <= _FIELD for item in schema.data or ()) else ""
    return "translation" if known.said("tongue", heard) else "sentiment_analysis" if known.said("classes", heard) else ""


def _instruction(schema: Schema) -> str:
    """What a template says beside its item and its context."""
    return schema.template.replace("{data}", " ").replace("{context}", " ")


def _said(name: str, heard: str, code: str) -> bool:
    return any(cue in heard for cue in _cues(code, name))


@cache
def _cues(code: str, name: str) -> tuple[str, ...]:
    """The cues of a language and of English, which requests in any language borrow from."""
    table = json.loads(_WORDS.read_text(encoding="utf-8"))
    found = [(one, cue) for one in dict.fromkeys((code, "en")) for cue in table.get(one, {}).get(name, "").split(",")]
    return tuple(_needle(fold(cue.strip()), one) for one, cue in found if cue.strip())


def _needle(cue: str, code: str) -> str:
    return cue if code in ("zh", "ja", "ko", "hi", "ar") else f" {cue}"
