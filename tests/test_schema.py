"""Schema extraction: what is asked, how a reply is read and checked, and when its branches leave."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppbench import Call, Plan, Prompt, Request, Schema, Script, VirtualExecutor
from ppbench.execute import Loop
from ppbench.jobs import Job, Outcome
from ppbench.specs import build, spec_of, split_spec
from ppbench_plugins.decomposers.extraction import answer_schema, begun, finished
from ppbench_plugins.decomposers.reading import MOST_PARTS
from ppbench_plugins.decomposers.rules import find, lexicon
from ppbench_plugins.decomposers.schema import SchemaExtraction
from ppbench_plugins.mock.items import known_items
from ppbench_plugins.mock.oracle import Ask, Oracle
from ppbench_plugins.wire.shapes import is_closed

ITEMS = known_items()
TEXT = "Translate into German:\n- Rain is due.\n- The shop shuts at six.\n- Nobody came."
PROMPT = Prompt("p", TEXT)
LINES = ["Rain is due.", "The shop shuts at six.", "Nobody came."]
FOUND: dict[str, Any] = {"template": "Translate into German: {data}", "context": None, "n": None, "data": LINES}
SLOGANS = Prompt("s", "Write 30 slogans for a bakery.")
COUNTED = {"template": "Write one slogan for a bakery.", "context": None, "n": 30, "data": None}
NOTHING = json.dumps(dict.fromkeys(FOUND))


def made(spec: str = "") -> SchemaExtraction:
    name, options = split_spec(f"schema:{spec}")
    method: SchemaExtraction = build(SchemaExtraction, options, spec=f"{name}:{spec}")
    return method


def expanded(reply: str, spec: str = "", prompt: Prompt = PROMPT) -> Plan:
    """The plan that a first reply leads to."""
    return extraction(made(spec), prompt).expand(reply)  # type: ignore[misc]


def extraction(method: SchemaExtraction, prompt: Prompt = PROMPT) -> Call:
    [call] = method.decompose(prompt).calls
    return call


def is_second(plan: Plan) -> bool:
    return [call.id for call in plan.calls] == ["extract-again"]


def stubborn(reply: str, spec: str = "", prompt: Prompt = PROMPT) -> Plan:
    """The plan if the second reply is the same as the first one."""
    plan = expanded(reply, spec, prompt)
    return plan.calls[0].expand(reply) if is_second(plan) else plan  # type: ignore[misc]


# Where the schema comes from


def test_a_given_schema_is_sent_as_one_call_a_subtask() -> None:
    """No extraction; without an annotation the method declines."""
    schema = Schema("{context}\n\nSay {data}.", context="Loudly.", data=("a", "b"))
    plan = made("source=given").decompose(Prompt("p", "Loudly. Say a, b.", schema=schema))

    assert (plan.status, plan.schema) == ("split", schema)
    assert [call.text for call in plan.calls] == ["Loudly.\n\nSay a.", "Loudly.\n\nSay b."]
    assert plan.merge(["x", "y"]) == "1. x\n2. y"
    assert made("source=given").decompose(PROMPT).status == "declined"
    assert (made("source=given").given, made().given) == (("schema",), ())


def test_rules_go_before_the_model() -> None:
    """Where the rules find the schema no call is spent; where they don't, the prompt is declined or the model asked."""
    finding = find(TEXT, "en")
    plan = made("source=rules").decompose(PROMPT)

    assert finding.schema is not None
    assert (plan.status, plan.schema) == ("split", finding.schema)
    assert made("source=rules+llm").decompose(PROMPT).schema == finding.schema
    assert made("source=rules").decompose(Prompt("p", "Why is the sky blue?")).status == "declined"
    assert extraction(made("source=rules+llm"), Prompt("p", "Why is the sky blue?")).id == "extract"


# Reading a reply


@pytest.mark.parametrize(
    "wrap",
    ["{}", "```json\n{}\n```", "Sure! Here it is:\n{}\nAnything else?", "{{data}} goes in: {}", "[{}]", "\ufeff{}", "{}{}",
     '{{"thought": "hm"}} {}', '{{"answer": {}}}', "{{ {}", '{{"template": }} no: {}', "{} {{"],
)  # fmt: skip
def test_an_extraction_is_read_whatever_stands_around_it(wrap: str) -> None:
    """Fences, prose, braces and other objects before, an object around, a byte order mark, or the object twice."""
    plan = expanded(wrap.format(*[json.dumps(FOUND)] * 2))

    assert (plan.status, plan.schema) == ("split", Schema.from_json(FOUND))


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ('{"template": "a", "n": 2,}', {"template": "a", "n": 2}),
        ('{"template": "a", "data": ["x", "y",],}', {"template": "a", "data": ["x", "y"]}),
        ('{"template": "two\nlines\tand tabs", "n": 2}', {"template": "two\nlines\tand tabs", "n": 2}),
        ('{"n": 2.0, "template": "\\u00e9\\ud83d\\ude00"}', {"n": 2.0, "template": "é😀"}),
        ('{"n": 2, "n": 3, "data": ["a"], "data": ["b"]}', {"n": 2, "data": ["a"]}),
        ('{"n": null, "data": null , "context":"}"}', {"n": None, "data": None, "context": "}"}),
        ('{"data": "a, b"}', {"data": "a, b"}),
        ('{"data": [], "x": {"y": [1]}}', {"data": [], "x": {"y": [1]}}),
    ],
)
def test_json_is_read_leniently(text: str, fields: dict[str, Any]) -> None:
    """Trailing commas, line breaks in strings; of a key that stands twice the first value."""
    assert finished(text) == fields


def test_numbers_that_are_none_fall_back() -> None:
    """NaN and infinity can be read and make no schema."""
    assert str(finished('{"n": NaN}')["n"]) == "nan"
    for number in ("NaN", "Infinity", "-Infinity", "1e999", "true", '"3"', "2.5", "1", "1" + "0" * 5000):
        assert stubborn('{"template": "x", "context": null, "data": null, "n": ' + number + "}").status == "fallback"


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("", {}),
        ('{"template": "a', {}),
        ('{"template": "a"', {}),
        ('{"template": "a",', {"template": "a"}),
        ('{"template": "a", "n": 1', {"template": "a"}),
        ('{"template": "a", "n": 12,', {"template": "a", "n": 12}),
        ('{"template": "a", "data": [', {"template": "a", "data": []}),
        ('{"template": "a", "data": ["x"', {"template": "a", "data": []}),
        ('{"template": "a", "data": ["x",', {"template": "a", "data": ["x"]}),
        ('{"template": "a", "data": ["x", "he said "no" to', {"template": "a", "data": ["x"]}),
        ('{"template": "a", "data": ["x", "y"]', {"template": "a", "data": ["x", "y"]}),
        ('{"template": "a", "data": ["x"], "n": 2, ', {"template": "a", "data": ["x"]}),
        ('{"template": "a", "n": 2, "parallelizable": false}', {"template": "a", "n": 2}),
        ('{"data": ["x"], "template": "a"}', {}),
        ('{"template": "a"; "data": ["x",', {}),
        ('Well: ```json\n{"template": "a", "data": ["x", 1, nul', {"template": "a", "data": ["x", 1]}),
    ],
)
def test_of_a_beginning_only_what_is_complete_is_read(text: str, fields: dict[str, Any]) -> None:
    """A value counts once the mark behind it is there: a number may grow, and an inner quote looks like an end."""
    assert begun(text) == fields


FIELDS = st.fixed_dictionaries(
    {"template": st.text(), "context": st.none() | st.text(), "n": st.none() | st.integers(),
     "data": st.none() | st.lists(st.text() | st.integers(), max_size=6)}
)  # fmt: skip


@given(FIELDS, st.booleans(), st.sampled_from([None, 2]))
def test_what_a_beginning_says_the_whole_says(fields: dict[str, Any], ascii_only: bool, indent: int | None) -> None:
    """Any object is read as JSON reads it, and each beginning of it gives a part of that, ever more."""
    text = "So: " + json.dumps(fields, ensure_ascii=ascii_only, indent=indent)
    before: dict[str, Any] = {}
    assert finished(text) == fields
    for end in range(len(text) + 1):
        now = begun(text[:end])
        assert all(fields[key] == value for key, value in now.items() if key != "data" or value is None)
        assert (now.get("data") or []) == (fields["data"] or [])[: len(now.get("data") or [])]
        assert before.keys() <= now.keys()
        assert len(before.get("data") or []) <= len(now.get("data") or [])
        before = now


# Checking it


@pytest.mark.parametrize(
    "change",
    [{"data": ["Rain is due.", "Invented."]}, {"context": "Invented.", "template": "{context} {data}"}, {"data": []},
     {"data": ["Nobody came."]}, {"data": "Nobody came."}, {"data": [1, 2]}, {"data": [["a"], ["b"]]}, {"template": None},
     {"template": 7}, {"template": "no slot"}, {"template": "{context} {data}"}, {"context": ["x"]}, {"n": 4},
     {"data": ["Rain is due.", "Rain is due."]}, {"data": ["Rain is due.", " "]}, {"template": "NAME_1: {data}"},
     {"data": None, "n": 0}, {"data": None, "n": "3"}, {"data": None, "n": True}, {"data": None, "n": 3},
     {"data": None, "n": 10**9, "template": "x"}, {"data": None, "n": 1e300, "template": "x"},
     {"data": None, "n": float("inf"), "template": "x"}],
)  # fmt: skip
@pytest.mark.parametrize("stream", ["true", "false"])
def test_an_extraction_that_cannot_be_right_falls_back(change: dict[str, object], stream: str) -> None:
    """Invented text, wrong types and absurd numbers are asked for again, then give the serial plan, and say why."""
    plan = stubborn(json.dumps(FOUND | change), f"stream={stream}")

    assert (plan.status, plan.calls[0].text) == ("fallback", TEXT)
    assert plan.reason.startswith("extraction: ")
    assert len(plan.reason) < 200


@pytest.mark.parametrize(
    ("part", "status"),
    [
        ({"data": ["Rain is due.", "The shop shuts at six."]}, "split"),
        ({"data": ["rain is due", "THE SHOP\nSHUTS at six"]}, "split"),
        ({"data": ["Rain is due.", "***"]}, "fallback"),
        ({"data": ["due is Rain", "The shop shuts at six."]}, "fallback"),
        ({"data": ["Rain is due.", "It snows."]}, "fallback"),
    ],
)
def test_items_stand_in_the_prompt_word_for_word(part: dict[str, Any], status: str) -> None:
    """Marks, case and white space aside; an item that was invented or put in another order is a fallback, unless nothing
    is checked."""
    reply = json.dumps({"template": "Translate {data}", **part})

    assert stubborn(reply).status == status
    assert stubborn(reply, "tier=none").status == "split"


def test_a_context_without_a_place_comes_first() -> None:
    """The layout that the paper prefers: the context, an empty line, the instruction."""
    plan = expanded(json.dumps(FOUND | {"context": "Translate into German"}))

    assert [str(call.text).split("\n\n")[0] for call in plan.calls] == ["Translate into German"] * 3


@pytest.mark.parametrize(
    "reply", [NOTHING, '{"parallelizable": false}' + NOTHING, json.dumps({"parallelizable": False} | FOUND)]
)
def test_an_extraction_that_found_nothing_declines(reply: str) -> None:
    """Nothing to split is an answer, not a failure; it is not asked for again."""
    assert expanded(reply).status == "declined"


@pytest.mark.parametrize(
    ("prompt", "fields", "spec", "status", "reason"),
    [
        (PROMPT, FOUND, "tier=paper", "split", ""),
        (Prompt("p", "Count Rain, then Snow"), FOUND | {"data": ["Rain", "Snow"]}, "tier=paper", "declined",
         "tier low: no cue that it can be split"),
        (Prompt("p", "Count Rain, then Snow"), {"category": "Translation"} | FOUND | {"data": ["Rain", "Snow"]}, "tier=paper",
         "split", ""),
        (SLOGANS, COUNTED, "tier=paper", "split", ""),
        (Prompt("p", "Write 30 short slogans."), COUNTED, "tier=paper", "declined", "tier low: no cue that it can be split"),
        (SLOGANS, COUNTED | {"template": "Write {n} slogan"}, "tier=paper", "declined",
         "tier not_parallelizable: the template of a repeated generation holds {n}"),
        (SLOGANS, {"category": "Slogan Making"} | COUNTED, "tier=paper", "declined",
         "tier not_parallelizable: the template holds neither {data} nor {context}"),
        (SLOGANS, COUNTED | {"category": "Slogan Making"}, "tier=paper,stream=false", "declined",
         "tier not_parallelizable: the template holds neither {data} nor {context}"),
        (SLOGANS, COUNTED | {"template": "Write {n} slogan"}, "tier=own", "split", ""),
    ],
)  # fmt: skip
def test_the_papers_tiers_decide_if_asked(prompt: Prompt, fields: dict[str, Any], spec: str, status: str, reason: str) -> None:
    """What its rules reject is declined with the tier; without a category, a count is repeated generation."""
    plan = expanded(json.dumps(fields), spec, prompt)

    assert (plan.status, plan.reason) == (status, reason)


@pytest.mark.parametrize(
    ("prompt", "fields"), [(PROMPT, FOUND | {"n": 3}), (SLOGANS, COUNTED | {"data": []}), (SLOGANS, COUNTED | {"context": ""})]
)
def test_what_says_nothing_beside_data_or_n_is_passed_over(prompt: Prompt, fields: dict[str, Any]) -> None:
    """Strict endpoints fill every field: the number of the items, an empty list, an empty context."""
    plan = expanded(json.dumps(fields), "", prompt)

    assert plan.status == "split"
    assert len(plan.calls) == fields["n"]
    assert streamed(json.dumps(fields), "", prompt).trace.status == "split"


@pytest.mark.parametrize(
    ("text", "n", "said"),
    [("Write 3 poems.", 3, True), ("Write 3 poems.", 150, False), ("Write three poems.", 3, True),
     ("Write three poems.", 4, False), ("اكتب ٣ قصائد", 3, True), ("写二十五首诗", 25, True), ("写三首诗", 5, False),
     ("Twenty-five slogans, please.", 25, True), ("Fünfundzwanzig Sprüche, bitte.", 25, True), ("Some poems.", 31, False),
     ("One hundred and fifty slogans.", 150, True), ("In 2024, write some poems.", 3, True), ("시를 다섯개 써 줘", 5, True),
     ("Scrivi dua puluh slogan", 20, True), ("Write 13 poems", 3, False), ("Tulis dua puluh slogan", 20, True)],
)  # fmt: skip
def test_the_number_of_pieces_stands_in_the_prompt(text: str, n: int, said: bool) -> None:
    """In digits of any script or in words; a prompt without a number that can be read is believed up to thirty."""
    prompt, reply = Prompt("s", text), json.dumps(COUNTED | {"n": n})

    assert is_second(expanded(reply, "", prompt)) != said
    assert len(expanded(reply, "tier=none", prompt).calls) == n
    assert said or stubborn(reply, "", prompt).reason == f"extraction: the prompt does not say that there are {n}"
    assert said or streamed(reply, "", prompt).trace.status == "fallback"


# Asking again


def test_an_unusable_reply_is_asked_for_once_more() -> None:
    """The second request holds the first and what was wrong; its good reply is split, its bad one is serial."""
    plan = expanded("I cannot help with that.")
    [again] = plan.calls

    assert is_second(plan)
    assert again.role == "plan"
    assert str(extraction(made()).text) in str(again.text)
    assert "holds no whole JSON object" in str(again.text)
    assert again.expand is not None
    assert again.expand(json.dumps(FOUND)).schema == Schema.from_json(FOUND)
    assert again.expand(NOTHING).status == "declined"
    assert again.expand("no").status == "fallback"


BAD = [
    "", " \n", "I cannot help with that request.", '{"template": "Translate {data}", "data": ["Rain is', "[1, 2]", "null", "{",
    "}{", '{"n": ' + "1" * 5000 + "}", '{"a":' * 50_000, "{" * 1_000_000, "[" * 1_000_000, '{"data": [' * 100_000,
    '{"template": "x", "context": null, "n": null, "data": [' + '"a", ' * 300_000, "1" * 500_000, " " * 500_000,
    '{"template": "' + "x" * 1_000_000, "\x00\ud800", '{"subproblems": [1, 2]}', '{"data": {"a": 1}}', '{"data": [{}]}',
    '{"template": "\ud800{data}", "context": null, "n": null, "data": ["\ud800", "b"]}', '{"": ""}', '{"template" "x"}',
    '{"template": "{data}", "context": null, "n": null, "data": ["Rain is due.", "Nobody came.",,]}',
]  # fmt: skip
SPECS = [
    ",".join(parts)
    for parts in product(["stream=true", "stream=false"], ["tier=own", "tier=paper", "tier=none"], ["names=true", "group=2"])
]


@pytest.mark.parametrize("reply", BAD, ids=lambda reply: f"{reply[:12]!r}x{len(reply)}")
@pytest.mark.parametrize("spec", SPECS)
def test_any_reply_leads_to_an_answer(spec: str, reply: str) -> None:
    """Empty, refused, cut off, malformed, deep, endless: the prompt itself is sent after at most one more try."""
    plan = stubborn(reply, spec)

    assert plan.status in ("fallback", "declined")
    assert [call.text for call in plan.calls] == [TEXT]
    assert len(plan.reason) < 300


SHREDS = [*'{}[]":,\\n 1x', '{"template": "{data}"', '"context": null', '"n": ', '"data": [', "null", '"Rain is due."', "]}"]


@settings(max_examples=200, deadline=None)
@given(reply=st.lists(st.sampled_from(SHREDS)).map("".join))
def test_no_reply_raises(reply: str) -> None:
    """Whatever the letters, a plan is made of them, and what was sent early stands in it or it falls back."""
    for spec in ("", "tier=none"):
        early = extraction(made(spec)).expand_stream(reply)  # type: ignore[misc]
        plan = stubborn(reply, spec)

        assert plan.status != "split" or set(calls_of(early)) <= set(calls_of(plan.calls))


def calls_of(calls: Any) -> list[tuple[str, str]]:
    return [(call.id, call.text) for call in calls]


# Dialects


def test_pieces_that_are_counted_are_told_apart() -> None:
    """Calls of an `n` schema differ in text, so that they may differ in their answers."""
    texts = [str(call.text) for call in expanded(json.dumps(COUNTED), "", SLOGANS).calls]

    assert len(set(texts)) == 30
    assert all("Write one slogan for a bakery." in text for text in texts)


@pytest.mark.parametrize("dialect", ["paper-1", "paper-2"])
@pytest.mark.parametrize("template", ["Write {n} slogan", "Write 1 slogan"])
def test_the_papers_dialects_send_equal_calls(dialect: str, template: str) -> None:
    """With or without {n}, both are read, and 1 is sent."""
    plan = expanded(json.dumps(COUNTED | {"template": template}), f"dialect={dialect}", SLOGANS)

    assert [call.text for call in plan.calls] == ["Write 1 slogan"] * 30
    assert ("{n}" in str(extraction(made(f"dialect={dialect}")).text)) == (dialect == "paper-1")


@pytest.mark.parametrize("dialect", ["own", "paper-1", "paper-2"])
def test_first_letters_go_through_the_alphabet(dialect: str) -> None:
    """Piece i is asked to begin with letter i mod 26; items that are listed are not."""
    spec = f"dialect={dialect},first_letter=true"
    plan = expanded(json.dumps(COUNTED), spec, SLOGANS)

    assert [str(call.text)[-3] for call in plan.calls] == list("ABCDEFGHIJKLMNOPQRSTUVWXYZABCD")
    assert expanded(json.dumps(FOUND), spec) == expanded(json.dumps(FOUND))


def test_options_that_contradict_each_other_are_refused() -> None:
    """tier=paper nulls a template with {n}; the paper knows no groups."""
    with pytest.raises(ValueError, match="take dialect=paper-2"):
        SchemaExtraction(tier="paper", dialect="paper-1")
    for source in ("rules", "given"):
        with pytest.raises(ValueError, match=f"source={source} asks none"):
            SchemaExtraction(tier="paper", source=source)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="max_tokens is 0; give 1 or more"):
        SchemaExtraction(max_tokens=0)
    for options in ({"dialect": "paper-2"}, {"first_letter": True}):
        with pytest.raises(ValueError, match="leave group at 1"):
            SchemaExtraction(group=2, **options)  # type: ignore[arg-type]


# The request


@pytest.mark.parametrize("prompt", ["own", "paper"])
def test_the_form_that_is_shown_is_the_form_that_is_asked_for(prompt: str) -> None:
    """Same keys, same order, items last; closed, so that strict endpoints take it; the prompt as it is."""
    call = extraction(made(f"prompt={prompt}"))
    shown = [json.loads(line) for line in str(call.text).splitlines() if line.startswith('{"') and '"..."' in line]
    schema = dict(call.json_schema or {})

    assert schema == answer_schema(prompt)
    assert is_closed(schema)
    assert [list(form) for form in shown] == [list(schema["properties"])] == [schema["required"]]
    assert schema["required"][-4:] == ["template", "context", "n", "data"]
    assert f"<request>\n{TEXT}\n</request>" in str(call.text)
    assert extraction(made(f"prompt={prompt},structured=false")).json_schema is None


def test_the_papers_examples_are_what_they_ask_for() -> None:
    """Each good one is a whole reply whose items and context stand in its request."""
    lines = str(extraction(made("prompt=paper")).text).splitlines()
    good = lines[lines.index("Good examples:") + 1 : lines.index("Bad examples, with the reason:") - 1]
    pairs = list(zip(good[::2], good[1::2], strict=True))

    assert len(pairs) == 6
    for asked, reply in pairs:
        assert expanded(reply, "prompt=paper,dialect=paper-2", Prompt("x", asked)).status == "split", asked


@pytest.mark.parametrize("spec", ["", "structured=false", "prompt=paper", "prompt=paper,structured=false", "names=true"])
def test_the_mock_model_answers_in_the_order_of_the_form(spec: str) -> None:
    """Items last, so that a plan can begin while it replies; the schema is the known one."""
    oracle = Oracle(ITEMS)
    for item in ITEMS:
        prompt = Prompt("p", item.text)
        call = extraction(made(spec), prompt)
        reply = oracle.answer(Ask(str(call.text), json_schema=call.json_schema))

        assert list(json.loads(reply)) == answer_schema("paper" if "paper" in spec else "own")["required"]
        assert expanded(reply, spec, prompt).schema == (item.schema if item.splittable is not False else None), item.id


# Rules


def test_rules_that_find_too_much_decline() -> None:
    """Nobody pays for a thousand calls by accident; a model is not asked to find as many."""
    prompt = Prompt("p", f"Write {MOST_PARTS + 1} short stories about the snow.")

    assert find(prompt.text).schema is not None
    for source in ("rules", "rules+llm"):
        plan = made(f"source={source}").decompose(prompt)
        assert (plan.status, plan.reason) == ("declined", f"rule: count: more than {MOST_PARTS} parts")


def test_what_rules_need_is_loaded_before_a_clock_runs() -> None:
    """The words of all languages and what tells them apart: making the method loads them, its first prompt nothing."""
    caches = (lexicon._table, lexicon.words, lexicon._detector, lexicon.number_words)
    for cache in caches:
        cache.cache_clear()
    method = made("source=rules")
    loaded = [cache.cache_info().misses for cache in caches]
    for text in (TEXT, "Übersetze ins Englische:\n- Regen\n- Schnee", "写三首诗", "Tulis dua puluh slogan"):
        method.decompose(Prompt("p", text))

    assert [cache.cache_info().misses for cache in caches] == loaded
    assert loaded[0] == len(lexicon.codes())


def test_half_a_character_stops_no_rule() -> None:
    """As standard input that is not UTF-8 makes it."""
    plan = made("source=rules").decompose(Prompt("p", "Translate into German:\n- Rain \udcff is due.\n- Nobody came."))

    assert plan.status == "split"


# Names

LETTER = Prompt("l", "NAME_1 wrote to NAME_10. Say in French:\n- NAME_1 is here.\n- NAME_10 left with Anselm.")


def test_names_stand_for_placeholders_on_the_way_and_come_back() -> None:
    """The model sees names alone, the same in every call; schema and answer have the placeholders that the prompt has."""
    seen: list[str] = []

    def respond(request: Request, now_ns: int) -> Script:
        seen.append(request.text)
        items = ["Pobemege is here.", "Gebovimi left with Anselm."]
        reply = {
            "template": "{context}\n\nSay in French: {data}",
            "context": "Pobemege wrote to Gebovimi.",
            "n": None,
            "data": items,
        }
        return Script(((1, json.dumps(reply) if request.role == "plan" else f"<{request.text[-26:]}>"),), 1)

    outcome = trial(made("names=true"), respond, LETTER)
    plan = expanded(json.dumps(FOUND | {"data": ["Pobemege is here.", "Gebovimi left"]}), "names=true", LETTER)

    assert not any("NAME_" in text for text in seen)
    assert "Pobemege wrote to Gebovimi. Say in French:\n- Pobemege is here." in seen[0]
    assert "NAME_10 left with Anselm." in outcome.trace.answer
    assert "Pobemege" not in outcome.trace.answer
    assert (plan.status, plan.ordered) == ("split", False)


def test_the_schema_of_a_plan_with_names_has_the_placeholders() -> None:
    """So that it can be held against labels; a given schema is changed in all its texts and changed back."""
    schema = Schema("{context}\nSay {data} to NAME_10", context="NAME_1 wrote", data=("NAME_1 is here.", "NAME_10"))
    plan = made("names=true,source=given").decompose(Prompt("l", LETTER.text, schema=schema))

    assert plan.schema == schema
    assert [call.text for call in plan.calls] == [
        "Pobemege wrote\nSay Pobemege is here. to Gebovimi", "Pobemege wrote\nSay Gebovimi to Gebovimi"
    ]  # fmt: skip
    assert plan.merge(["Gebovimi, Pobemege", "x"]) == "- NAME_10, NAME_1\n- x"


def test_items_that_only_a_name_tells_apart_are_kept() -> None:
    """Where nothing is checked, an item may be made of a name and another be a name: with placeholders both are NAME_10."""
    reply = json.dumps(FOUND | {"data": ["Gebovimi0", "Pobemege"]})
    plan = expanded(reply, "names=true,tier=none", Prompt("l", "NAME_10, no: NAME_1."))

    assert plan.status == "split"
    assert plan.merge(["Gebovimi0", "Pobemege"]) == "1. NAME_10\n2. NAME_10"


def test_a_declined_prompt_is_sent_with_its_placeholders() -> None:
    """Names are for splitting alone: the serial call is every method's."""
    schema = Schema("Say {data}", data=("NAME_1 is here.", "NAME_10"))
    plan = made("names=true,source=given,group=2").decompose(Prompt("l", LETTER.text, schema=schema))

    assert (plan.status, [call.text for call in plan.calls]) == ("declined", [LETTER.text])
    assert plan.merge(["Pobemege"]) == "Pobemege"


def test_a_placeholder_that_comes_back_is_no_name() -> None:
    """Shown names alone, a model that writes one is asked again, whatever is checked otherwise."""
    reply = json.dumps(FOUND | {"data": ["NAME_1 is here.", "Gebovimi left with Anselm."]})

    for tier in ("own", "paper", "none"):
        plan = stubborn(reply, f"names=true,tier={tier}", LETTER)
        assert (plan.status, plan.calls[0].text) == ("fallback", LETTER.text)
        assert "NAME_1" in plan.reason


def test_a_prompt_with_too_many_placeholders_says_that_it_keeps_them() -> None:
    text = "Say in French:\n" + "\n".join(f"- NAME_{k} came." for k in range(201))
    schema = Schema("Say in French: {data}", data=("NAME_1 came.", "NAME_2 came."))
    plan = made("names=true,source=given").decompose(Prompt("l", text, schema=schema))

    assert (plan.status, plan.reason) == ("split", "more than 200 placeholders, which are kept")
    assert plan.calls[0].text == "Say in French: NAME_1 came."


# While the reply streams

TICK = 1_000


def trial(method: SchemaExtraction, respond: Any, prompt: Prompt = PROMPT) -> Outcome:
    [outcome] = Loop(VirtualExecutor(respond)).run(
        [[Job("job", lambda: method.decompose(prompt), fallback=lambda reason: Plan.fallback(prompt, reason))]]
    )
    assert outcome.failure is None
    return outcome


def streamed(reply: str, spec: str = "", prompt: Prompt = PROMPT, slow: int = 5) -> Outcome:
    """A trial in which a plan comes in pieces of a few characters, a tick each, and an answer takes a hundred ticks."""

    def respond(request: Request, now_ns: int) -> Script:
        if request.role != "plan":
            return Script(((100 * TICK, request.text[-12:]),), 100 * TICK)
        pieces = [reply[at : at + slow] for at in range(0, len(reply), slow)]
        return Script(tuple((TICK * k, piece) for k, piece in enumerate(pieces, 1)), TICK * len(pieces))

    return trial(made(spec), respond, prompt)


def sent(outcome: Outcome) -> dict[str, int]:
    return {span.request.id.rpartition("/")[2]: span.reply.sent_ns // TICK for span in outcome.trace.spans}


def test_a_branch_leaves_when_its_item_is_complete() -> None:
    """Each at the tick in which the mark behind its item came, long before the reply ends; the answer is the same."""
    reply = json.dumps(FOUND)
    early, late = streamed(reply), streamed(reply, "stream=false")
    ends = [-(-(reply.index(json.dumps(line)) + len(json.dumps(line)) + 1) // 5) for line in LINES]

    assert [sent(early)[name] for name in "123"] == ends
    assert [sent(late)[name] for name in "123"] == [-(-len(reply) // 5)] * 3
    assert early.trace.answer == late.trace.answer
    assert early.trace.ended_ns < late.trace.ended_ns
    assert early.trace.status == late.trace.status == "split"


def test_pieces_leave_when_their_number_is_complete() -> None:
    """All at once, before the reply ends."""
    early, late = (streamed(json.dumps(COUNTED), spec, SLOGANS) for spec in ("", "stream=false"))

    assert len(sent(early)) == 31
    assert sent(early)["30"] < sent(late)["1"]
    assert sent(early)["1"] == sent(early)["30"]


@pytest.mark.parametrize("spec", ["group=2", "group=auto", "min_gain=0.1", "stream=false"])
def test_where_calls_depend_on_how_many_there_are_all_is_waited_for(spec: str) -> None:
    """Groups and predictions need the whole list."""
    call = extraction(made(spec))

    assert call.expand_stream is None
    assert expanded(json.dumps(FOUND), spec).status in ("split", "declined")


@pytest.mark.parametrize("spec", ["warm=true", "merge=llm", "names=true", "tier=paper", "tier=none", "prompt=paper"])
def test_options_that_need_no_count_stream_as_well(spec: str) -> None:
    """The first branch leaves before the reply has ended, and the plan is kept."""
    reply = json.dumps({"parallelizable": True, "category": "Translation", **FOUND})
    outcome = streamed(reply, spec)

    assert outcome.trace.status == "split"
    assert sent(outcome)["1"] < len(reply) // 5


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"data": [*LINES, "Invented."]}, "extraction: not in the prompt: 'Invented.'"), ({"data": LINES[:1]}, "extraction: data"),
     ({"data": [*LINES, LINES[0]]}, "extraction: data holds an item twice"), ({"data": [*LINES, 7]}, "extraction: data item 4"),
     ({"extra": 0, "parallelizable": False}, "the extraction found nothing")],
)  # fmt: skip
def test_an_item_that_spoils_the_plan_later_falls_back_at_once(change: dict[str, Any], reason: str) -> None:
    """With its own reason, without another request: branches were paid for. The serial answer stands."""
    outcome = streamed(json.dumps(FOUND | change))

    assert (outcome.trace.status, outcome.trace.answer) == ("fallback", TEXT[-12:])
    assert outcome.trace.reason.startswith(reason)
    assert "extract-again" not in sent(outcome)


def test_a_reply_that_is_cut_off_after_branches_left_falls_back() -> None:
    """And one cut off before is asked for again."""
    reply = json.dumps(FOUND)

    assert "holds no whole JSON object" in streamed(reply[:-30]).trace.reason
    assert "extract-again" in sent(streamed(reply[:50]))
    assert "extract-again" in sent(streamed(reply[:-30], "stream=false"))


def test_a_reply_that_did_not_stream_is_asked_for_again() -> None:
    """What could have left early has not left where nothing streams: a reply that was cut off gets its second try."""
    cut = json.dumps(FOUND)[:-30]

    assert is_second(expanded(cut))
    call = extraction(made())
    assert call.expand_stream(cut)  # type: ignore[misc]
    assert call.expand(cut).status == "fallback"  # type: ignore[misc]


def test_a_merge_by_a_model_does_not_leave_early() -> None:
    """Its text is made of all answers: pieces leave when their number is complete, and the plan is kept with its merge."""
    outcome = streamed(json.dumps(COUNTED), "merge=llm", SLOGANS)

    assert outcome.trace.status == "split"
    assert sent(outcome)["1"] < len(json.dumps(COUNTED)) // 5
    assert sent(outcome)["merge"] > sent(outcome)["30"]


@pytest.mark.parametrize("tag", ["think", "thinking"])
def test_a_thought_is_no_extraction(tag: str) -> None:
    """A draft in a leading tag of thoughts is not read, and nothing leaves from inside it while it streams."""
    draft = json.dumps(FOUND | {"data": LINES[:2]})
    call = extraction(made())
    thought = f"<{tag}>Maybe {draft}"

    assert all(call.expand_stream(thought[:end]) == () for end in range(len(thought) + 1))  # type: ignore[misc]
    assert streamed(f"\n{thought}</{tag}>{json.dumps(FOUND)}").trace.answer == streamed(json.dumps(FOUND)).trace.answer
    assert is_second(expanded(thought))


def test_few_openings_are_tried_while_a_reply_streams() -> None:
    """Broken objects before the one that is asked for are passed over, at the end a hundred, at each mark a handful."""
    few, many = '{"a":' * 3, '{"a":' * 50
    reply = json.dumps(FOUND)

    assert begun(few + reply) == FOUND
    assert begun(many + reply) == {}
    assert finished(many + reply) == FOUND


def test_items_before_the_rest_are_waited_for() -> None:
    """Without template, context and count nothing can be rendered: no branch leaves early, and the plan is the same."""
    turned = streamed(json.dumps(dict(reversed(FOUND.items()))))

    assert (turned.trace.status, turned.trace.answer) == ("split", streamed(json.dumps(FOUND)).trace.answer)
    assert sent(turned)["1"] == sent(turned)["3"]


WORDS = st.lists(st.text(min_size=1, max_size=12).filter(str.strip), min_size=2, max_size=5, unique=True)


@settings(max_examples=60, deadline=None)
@given(items=WORDS, head=st.text(max_size=8), context=st.booleans(), spec=st.sampled_from(["", "tier=none", "warm=true"]),
       extra=st.sampled_from([[], ["\x01made up"], [3]]))  # fmt: skip
def test_what_left_early_stands_in_the_plan(items: list[str], head: str, context: bool, spec: str, extra: list[Any]) -> None:
    """For each beginning of a reply: its calls are among those of every longer one, and of the plan unless it falls back."""
    prompt = Prompt("p", "\n".join([head, *items]))
    frame = ("{context} ", head) if context and head.strip() else ("", None)
    fields = {"template": frame[0] + head + " {data}", "context": frame[1], "n": None, "data": [*items, *extra]}
    reply = json.dumps(fields)
    call = extraction(made(spec), prompt)
    assert call.expand_stream is not None
    assert call.expand is not None
    seen: list[tuple[str, str]] = []
    for end in range(len(reply) + 1):
        now = calls_of(call.expand_stream(reply[:end]))
        assert now[: len(seen)] == seen
        seen = now
    plan = call.expand(reply)

    assert seen == calls_of(extraction(made(spec), prompt).expand_stream(reply))  # type: ignore[misc]
    assert plan.status == "fallback" or is_second(plan) or calls_of(plan.calls)[: len(seen)] == seen
    assert not (is_second(plan) and seen)


@pytest.mark.parametrize(
    ("change", "spec", "count"),
    [({}, "", 3), ({"data": [*LINES, LINES[0], LINES[1]]}, "", 3), ({"data": ["Invented.", *LINES]}, "", 0),
     ({"data": [LINES[0], "Invented.", LINES[1]]}, "", 1), ({"data": [LINES[0], "Invented.", LINES[1]]}, "tier=none", 3),
     ({"context": "Invented."}, "", 0), ({"context": "Invented."}, "tier=none", 3), ({"template": "No place"}, "", 0),
     ({"template": "{context}: {data}"}, "", 0), ({"data": [LINES[0], " ", LINES[1]]}, "tier=none", 1),
     ({"data": [LINES[0], "\ud800", LINES[1]]}, "tier=none", 1), ({"parallelizable": False}, "", 0), ({"n": 3}, "", 0),
     ({"data": ["x", "NAME_1", "y"]}, "names=true,tier=none", 1), ({"template": "NAME_1 {data}"}, "names=true,tier=none", 0),
     ({"data": ["x", "y"]}, "tier=paper", 2), ({"data": ["x"]}, "tier=paper", 0)],
)  # fmt: skip
def test_only_what_may_stand_in_a_plan_leaves_early(change: dict[str, Any], spec: str, count: int) -> None:
    """Up to the first item that would spoil it, and nothing if template or context do."""
    prompt = Prompt("p", TEXT + "\nNAME_1")
    call = extraction(made(spec), prompt)

    assert len(call.expand_stream(json.dumps({"parallelizable": None} | FOUND | change))) == count  # type: ignore[misc]


@pytest.mark.parametrize("tail", [', oops} {"template": null, "data": null, "n": null}', ', oops} ' + json.dumps(COUNTED),
                                  '], "parallelizable": false}'])  # fmt: skip
def test_a_reply_that_takes_back_what_it_said_falls_back(tail: str) -> None:
    """A second object, or a refusal at the end, cannot call back branches that have left."""
    reply = json.dumps(FOUND).removesuffix("]}") + tail
    outcome = streamed(reply)

    assert outcome.trace.status == "fallback"
    assert "extract-again" not in sent(outcome)
    assert expanded(reply, "stream=false").status in ("split", "declined")


def test_a_plan_is_capped_while_it_streams() -> None:
    """However long the list, no more branches leave than a plan may have."""
    words = [f"w{k}" for k in range(MOST_PARTS + 50)]
    reply = json.dumps(FOUND | {"data": words})
    call = extraction(made(), Prompt("p", " ".join(words)))

    assert len(call.expand_stream(reply)) == MOST_PARTS  # type: ignore[misc]
    assert call.expand(reply).reason == f"extraction: more than {MOST_PARTS} parts"  # type: ignore[misc]


@pytest.mark.parametrize(
    "spec", ["source=rules+llm,stream=false", "prompt=paper,dialect=paper-2,tier=paper,names=true", "group=auto"]
)
def test_options_have_a_spec(spec: str) -> None:
    """Each option can be written in a spec string and is read back."""
    method = made(spec)

    assert spec_of(made(spec_of(method).partition(":")[2])) == spec_of(method)
