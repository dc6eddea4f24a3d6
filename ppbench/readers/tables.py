"""Plain tables of prompts: JSON lines, CSV or Parquet, with columns named as in this project's files, or mapped."""

from __future__ import annotations

from typing import Any

from ppbench.readers.cells import label, listed, parsed, schema, text, truth
from ppbench.readers.layout import Fields, Layout


def _build(fields: Fields, name: str) -> dict[str, Any]:
    annotation = parsed(fields["schema"], "schema")
    return {
        "id": label(fields["id"], "id"),
        "text": text(fields["text"], "text"),
        "language": fields["language"],
        "category": text(fields["category"], "category") or (annotation.get("category") if _is_object(annotation) else None),
        "schema": schema(fields) if annotation is None else annotation,
        "reference": listed(fields["reference"], "reference"),
        "splittable": truth(fields["splittable"], "splittable"),
        "dependency": text(fields["dependency"], "dependency") or "none",
        "edges": listed(fields["edges"], "edges") or [],
        "constraints": listed(fields["constraints"], "constraints") or [],
        "family": label(fields["family"], "family"),
        "source": label(fields["source"], "source") or name,
        "licence": text(fields["licence"], "licence"),
    }


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


_FIELDS: dict[str, tuple[str, ...]] = {
    "id": ("id",),
    "text": ("text", "prompt"),
    "language": ("language", "lang"),
    "category": ("category",),
    "schema": ("schema", "annotation"),
    "template": ("template",),
    "context": ("context",),
    "data": ("data",),
    "n": ("n",),
    "reference": ("reference",),
    "splittable": ("splittable",),
    "dependency": ("dependency",),
    "edges": ("edges",),
    "constraints": ("constraints",),
    "family": ("family",),
    "source": ("source",),
    "licence": ("licence", "license"),
}


def table(kind: str, title: str) -> Layout:
    return Layout(title=title, fields=_FIELDS, build=_build, kind=kind)


JSONL = table("jsonl", "JSON lines with a column mapping")
CSV = table("csv", "CSV with a header and a column mapping")
PARQUET = table("parquet", "Parquet with a column mapping")
