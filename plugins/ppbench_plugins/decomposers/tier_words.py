"""Word lists of the published validation rules (ParallelPrompt's validate_parallelizable). Words alone.

What the rules test is known, and some of the words. The other words are OURS, chosen to the published number and in the
published languages; each list says which. Figures made with them are therefore near the paper's, and not its own.
"""

from __future__ import annotations

REQUESTS = (
    "generate|create|write|give me|give|list|provide|make|produce|suggest|name|tell me|tell|show me|show|find|propose|compose"
    "|draft|come up with|think of|share|offer|describe|invent|design|build|identify|state|prepare|send"
)
"""Verbs that may stand before a count (c1). Published: that there are 31. All are ours."""

COUNTED = (
    "examples|stories|ideas|sentences|questions|words|keywords|translations|summaries|poems|jokes|titles|names|tips|facts"
    "|reasons|paragraphs|items|topics|slogans|headlines|quotes|recipes|descriptions|variations|essays"
)
"""Nouns that must follow a count at once (c1), their last s optional. Published: that there are 26, and the first nine."""

LISTING = "following|these|each of|all of|todos|las?|die|der|das|les?|la|il|и"
"""Markers that announce a list (c2), the last one Cyrillic. All published."""

LISTED = (
    "items|sentences|words|questions|texts|phrases|paragraphs|statements|examples|names|topics|points|reviews|lines|titles"
    "|elementos|frases|palabras|preguntas|textos|oraciones|ejemplos"
    "|sätze|wörter|fragen|texte|beispiele|elemente|punkte"
    "|mots|exemples|éléments|textes"
    "|предложения|слова|вопросы|тексты|примеры|пункты"
)
"""Nouns that follow a marker: English, Spanish, German, French, Russian (c2). Published: the languages. The words are ours."""

MANY = "multiple|several|each|all|every|various|respectively|varios|plusieurs|mehrere|несколько|каждый"
"""Words of multiplicity (c6). Published, but for the two Russian ones, which are ours."""
