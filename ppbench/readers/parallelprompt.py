"""ParallelPrompt in its three layouts: the published Parquet, the early JSON files, the curation script's CSV.

The text of a prompt is `serial`, which template, context and data were taken from; the original (`prompt`, `original`)
still has NAME_1 where the others have names, and stands in for an empty `serial`.
"""

from __future__ import annotations

from typing import Any

from ppbench.readers.cells import label, schema, text, truth
from ppbench.readers.conversations import LMSYS_LICENCE, WILDCHAT_LICENCE
from ppbench.readers.layout import Fields, Layout

_EARLY = {
    "generate_n": "Repeated Generation",
    "keyword_extraction": "Keyword Extraction",
    "reading_comprehension": "Reading Comprehension",
}
"""The early files have no category but in their names."""

_LICENCES = {"lmsys": LMSYS_LICENCE, "wild": WILDCHAT_LICENCE, "synthetic": "Apache-2.0"}
_MIXED = "that of LMSYS-Chat-1M (no redistribution) or of WildChat-1M (ODC-BY); the row does not say which"


def _build(fields: Fields, name: str) -> dict[str, Any]:
    origin = label(fields["origin"], "source")
    whence = (origin or name).casefold()
    parallelizable = truth(fields["parallelizable"], "parallelizable")
    annotation = schema(fields) if parallelizable is not False else None
    if parallelizable is not False and annotation is None:
        raise ValueError("has no schema: template, context, data and n are all empty")
    return {
        "text": text(fields["text"], "text"),
        "language": fields["language"],
        "category": text(fields["category"], "category") or next((v for k, v in _EARLY.items() if name.startswith(k)), None),
        "schema": annotation,
        "splittable": parallelizable is not False,
        "source": " ".join(filter(None, ["parallelprompt", origin or name, label(fields["number"], "source_index")])),
        "licence": next((licence for part, licence in _LICENCES.items() if part in whence), _MIXED),
    }


PARALLELPROMPT = Layout(
    title="ParallelPrompt: the published Parquet, the early JSON files, the curation script's CSV",
    fields={
        "text": ("serial", "prompt", "original"),
        "language": ("language", "lang"),
        "category": ("category",),
        "parallelizable": ("parallelizable",),
        "template": ("template",),
        "context": ("context",),
        "data": ("data",),
        "n": ("n",),
        "origin": ("source",),
        "number": ("source_index", "query_id", "index"),
    },
    build=_build,
    required=("text", "template"),
    terms="ParallelPrompt is tagged Apache-2.0; its prompts are those of LMSYS-Chat-1M, which may not be redistributed, and of "
    "WildChat-1M (ODC-BY). Each row says its licence.",
)
