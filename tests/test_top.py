"""Tree of Problems: every canonical task told by its text, divided without loss, in the published number of calls."""

from __future__ import annotations

import json
import os
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from problems import MAKERS, STEPS, intersection
from test_methods import NASTY, SMOKE, TEXT, execute, roles

from ppbench import Plan, Prompt, Request, Script, VirtualExecutor
from ppbench.execute import Job, Loop
from ppbench_plugins.decomposers import bigbench
from ppbench_plugins.decomposers.canonical import TASKS, recognise
from ppbench_plugins.decomposers.cutting import sentences
from ppbench_plugins.decomposers.top import MOST_CALLS, TreeOfProblems
from ppbench_plugins.mock import compute, puzzles
from ppbench_plugins.mock.forms import pair
from ppbench_plugins.mock.items import known_items
from ppbench_plugins.mock.oracle import Ask, Oracle

RUNS = ["concatenation", "algebraic", "keyword_counting", "object_counting", "hyperbaton", "word_sorting", "coin"]
"""Tasks that are cut into as many runs as the breadth says."""


def elements(task: str, text: str) -> list[str]:
    """What a problem of a task is about, read from its text."""
    last = text.rpartition("\n")[2]
    match task:
        case "sorting" | "set_intersection" | "multistep_arithmetic":
            return list(re.findall(r"(?<=[\[(, ])-?\d+|^-?\d+", text))
        case "concatenation":
            return last.split(", ")
        case "algebraic":
            return [(term[0] if term[0] in "+-" else "+") + term.lstrip("+- ") for term in re.findall(r"[-+]? ?\d+", text)]
        case "keyword_counting":
            return re.findall(r"\w[^.!?]*[.!?]", last)
        case "object_counting":
            return re.split(r", and |, ", text[len("I have ") : text.index(". How")])
        case "hyperbaton":
            return last.split()[:-1]
        case "word_sorting":
            return text.rpartition(": ")[2].split()
        case "coin":
            return re.findall(r"\w+ (?:flips|does not flip) the coin\.", text)
    return re.findall("True|False", text)


def tree(task: str, text: str, breadth: int, depth: int) -> Plan:
    return TreeOfProblems(breadth=breadth, depth=depth, task=task).decompose(Prompt("p", text))  # type: ignore[arg-type]


def leaves(plan: Plan) -> list[str]:
    return [str(call.text) for call in plan.calls if call.role == "solve"]


def nodes(count: int, breadth: int, depth: int) -> tuple[int, int]:
    """Leaves and inner nodes of a tree over so many elements; a node with fewer than `breadth` is a leaf."""
    if not depth or count < breadth:
        return 1, 0
    sizes = [count // breadth + (k < count % breadth) for k in range(breadth)]
    below = [nodes(size, breadth, depth - 1) for size in sizes]
    return sum(a for a, _ in below), 1 + sum(b for _, b in below)


def solved(plan: Plan, spoil: str = "") -> str:
    """The answer of a static plan by the oracle; the call named `spoil` answers wrongly."""
    oracle, said = Oracle(known_items()), dict[str, str]()
    for call in plan.calls:
        text = call.text(said) if callable(call.text) else call.text
        said[call.id] = oracle.answer(Ask(text))
        said[call.id] = _wrong(said[call.id]) if call.id == spoil else said[call.id]
    return said[plan.calls[-1].id]


def _wrong(answer: str) -> str:
    """Another answer of the same kind."""
    for right, wrong in (("yes", "no"), ("no", "yes"), ("Yes", "No"), ("No", "Yes"), ("True", "False"), ("False", "True")):
        if answer == right:
            return wrong
    if re.search(r"\d", answer):
        return re.sub(r"\d+(?!.*\d)", lambda number: str(int(number[0]) + 1), answer, flags=re.DOTALL)
    return answer + "x"


Seeds = st.integers(0, 2**32)


@pytest.mark.parametrize("task", MAKERS)
@settings(max_examples=40, deadline=None)
@given(seed=Seeds, count=st.integers(2, 24), breadth=st.integers(2, 5), depth=st.integers(1, 4))
def test_division_neither_loses_nor_invents_an_element(task: str, seed: int, count: int, breadth: int, depth: int) -> None:
    """The leaves hold the elements of the whole, in their order; of crossed sets, each pair of halves once."""
    text, whole, _ = MAKERS[task](random.Random(seed), count)
    found = [elements(task, leaf) for leaf in leaves(tree(task, text, breadth, depth))]

    assert recognise(text) == task
    assert elements(task, text) == whole
    if task == "set_intersection":
        assert {element for leaf in found for element in leaf} == set(whole)
    else:
        assert [element for leaf in found for element in leaf] == whole


@pytest.mark.parametrize("task", MAKERS)
@settings(max_examples=25, deadline=None)
@given(seed=Seeds, count=st.integers(2, 16), breadth=st.integers(2, 5), depth=st.integers(1, 3))
def test_the_tree_gives_the_right_answer(task: str, seed: int, count: int, breadth: int, depth: int) -> None:
    """Leaves are solved and answers merged by a model that is always right, each from the text of its request alone."""
    text, _, answer = MAKERS[task](random.Random(seed), count)

    assert solved(tree(task, text, breadth, depth)) == answer
    assert compute.solve(text) == answer


@pytest.mark.parametrize("task", [name for name in MAKERS if name not in ("set_intersection", "boolean", "hyperbaton")])
@settings(max_examples=15, deadline=None)
@given(seed=Seeds, depth=st.integers(1, 3))
def test_an_error_in_a_leaf_stays_an_error(task: str, seed: int, depth: int) -> None:
    """A merge works with the answers it is shown and does not solve the problem anew."""
    draw = random.Random(seed)
    text, _, answer = MAKERS[task](draw, 16)
    plan = tree(task, text, 2, depth)
    leaf = draw.choice([call.id for call in plan.calls if call.role == "solve"])

    if task != "multistep_arithmetic" or "*" not in text:  # a factor of nought hides an error
        assert solved(plan, spoil=leaf) != answer


@pytest.mark.parametrize("task", RUNS)
@settings(max_examples=30, deadline=None)
@given(seed=Seeds, count=st.integers(2, 40), breadth=st.integers(2, 6), depth=st.integers(1, 4))
def test_runs_make_the_published_number_of_calls(task: str, seed: int, count: int, breadth: int, depth: int) -> None:
    """b^d solvers and the sum of b^i mergers if there are elements enough; else a short node is a leaf."""
    text, whole, _ = MAKERS[task](random.Random(seed), count)
    plan = tree(task, text, breadth, depth)
    expected = nodes(len(whole), breadth, depth)

    assert Counter(call.role for call in plan.calls)["solve"] == expected[0]
    assert Counter(call.role for call in plan.calls)["merge"] == expected[1]
    if len(whole) >= breadth**depth:
        assert expected == (breadth**depth, sum(breadth**k for k in range(depth)))
    assert plan.status == ("split" if len(whole) >= breadth else "declined")


@pytest.mark.parametrize("breadth", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_sorting_and_sets_are_halved_whatever_the_breadth_is(breadth: int, depth: int) -> None:
    """2^d leaves; for sets with a breadth of four 4^d."""
    draw = random.Random(7)
    for task, real in (("sorting", 2), ("set_intersection", 4 if breadth == 4 else 2)):
        text, _, _ = MAKERS[task](draw, 16)
        counts = Counter(call.role for call in tree(task, text, breadth, depth).calls)
        assert counts == {"solve": real**depth, "merge": sum(real**k for k in range(depth))}


def test_the_longer_set_is_halved_and_the_second_of_equal_ones() -> None:
    """As published; the first half of an odd list is the shorter one."""
    text = "The intersection of [1, 2, 3, 4, 5] and [6, 7, 8]?"

    assert leaves(tree("set_intersection", text, 2, 2)) == [
        "The intersection of [1, 2] and [6]?", "The intersection of [1, 2] and [7, 8]?",
        "The intersection of [3, 4, 5] and [6]?", "The intersection of [3, 4, 5] and [7, 8]?",
    ]  # fmt: skip
    assert leaves(tree("set_intersection", text, 2, 1))[0] == "The intersection of [1, 2] and [6, 7, 8]?"
    assert leaves(tree("sorting", "Sort [3, 1, 2]", 2, 1)) == ["Sort [3]", "Sort [1, 2]"]
    assert len(leaves(tree("set_intersection", text, 4, 1))) == 4


@pytest.mark.parametrize(
    ("task", "text", "parts"),
    [
        ("boolean", "not ( True ) and ( True ) is", ["not ( True ) is", "( True ) is"]),
        ("boolean", "True and False or not True is", ["True and False is", "not True is"]),
        ("boolean", "True or False or not True and False is", ["True or False is", "not True and False is"]),
        ("boolean", "( True and not not False ) is", ["True is", "not not False is"]),
        ("boolean", "not not ( True or False ) is", []),
        ("boolean", "Evaluate:\n( True or False ) and ( not False ) is",
         ["Evaluate:\n( True or False ) is", "Evaluate:\n( not False ) is"]),
        ("multistep_arithmetic", "((-1 + 2 + 9 * 5) - (-2 + -4 + -4 * -7)) =", ["-1 + 2 + 9 * 5 =", "-2 + -4 + -4 * -7 ="]),
        ("multistep_arithmetic", "((1 + 2) * (3 - 4)) =", ["1 + 2 =", "3 - 4 ="]),
        ("object_counting", "I have a flute, two drums, and a cat. How many musical instruments do I have?",
         ["I have a flute, and two drums. How many musical instruments do I have?",
          "I have a cat. How many musical instruments do I have?"]),
        ("object_counting", "I have a chair and a table. How many objects do I have?",
         ["I have a chair. How many objects do I have?", "I have a table. How many objects do I have?"]),
        ("hyperbaton", "Is the adjective order correct?\nbig old red car",
         ["Is the adjective order correct?\nbig old car", "Is the adjective order correct?\nred car"]),
        ("word_sorting", "Sort the following words alphabetically: List: oven costume counterpart",
         ["Sort the following words alphabetically: List: oven costume",
          "Sort the following words alphabetically: List: counterpart"]),
        ("word_sorting", "Sort these words in alphabetical order:\npear, fig, kiwi, lime",
         ["Sort these words in alphabetical order:\npear, fig", "Sort these words in alphabetical order:\nkiwi, lime"]),
        ("algebraic", "- 75 + 20 - 15 + 59", ["- 75 + 20", "- 15 + 59"]),
        ("coin", "A coin is heads up. Ada flips the coin. Ben does not flip the coin. Is the coin still heads up?",
         ["A coin is heads up. Ada flips the coin. Is the coin still heads up?",
          "A coin is heads up. Ben does not flip the coin. Is the coin still heads up?"]),
    ],
)  # fmt: skip
def test_a_problem_is_divided_into_problems_of_its_kind(task: str, text: str, parts: list[str]) -> None:
    """Instruction and question stand in each part; expressions are cut at the operator that is worked out last."""
    plan = TreeOfProblems().decompose(Prompt("p", text))

    assert recognise(text) == task
    assert leaves(plan) == (parts or [text])
    assert plan.status == ("split" if parts else "declined")


@pytest.mark.parametrize(
    ("inner", "parts"),
    [("1 + 2 + 3 + 4", ["1 + 2", "3 + 4"]), ("1 + 2 - 3 + 4", ["1 + 2 - 3", "4"]), ("1 * 2 + 3 - 4", ["1 * 2", "3 - 4"]),
     ("1 * 2 - 3 - 4", ["1 * 2 - 3", "4"]), ("1 - 2 - 3 * 4", ["1 - 2", "3 * 4"]), ("1 * 2 * 3 * 4", ["1 * 2", "3 * 4"]),
     ("1 * 2 - 3 * -4", ["1 * 2", "3 * -4"]), ("-1 * -2 * 3 - 4", ["-1 * -2 * 3", "4"]), ("1 + 2", ["1 + 2"])],
)  # fmt: skip
def test_a_group_is_cut_so_that_its_parts_give_it(inner: str, parts: list[str]) -> None:
    """Behind a minus sign stands a single term; two bare numbers are a leaf."""
    found = leaves(tree("multistep_arithmetic", f"(({inner}) + (5)) =", 2, 2))

    assert found == [f"{part} =" for part in [*parts, "5"]]


def test_merges_are_shown_what_is_published() -> None:
    """Sets, sorting and counts show the answers alone; the others each part with its answer, then the problem."""

    def merge(task: str) -> str:
        text, _, _ = MAKERS[task](random.Random(1), 4)
        call = tree(task, text, 2, 1).calls[-1]
        assert callable(call.text)
        return call.text({"1": "one", "2": "two"})

    for task in MAKERS:
        shown = merge(task)
        assert "one" in shown
        assert ("<question>" in shown) == (task not in ("sorting", "set_intersection", "keyword_counting"))
    paired = merge("concatenation")
    assert paired.index("<part 2>") < paired.index("<problem>")
    assert pair("<question>\nq\n</question>\n<answer>\na\n</answer>") == ("q", "a")
    assert pair("<a>x</a> and <b>y</b>") == ("", "<a>x</a> and <b>y</b>")


@pytest.mark.parametrize(
    ("reply", "shown"),
    [
        ("[1, 2]", "[1, 2]"),
        ("First [3, 1].\nSorted: [1, 3]. Done.", "[1, 3]"),
        ("Nothing in common: []", "[]"),
        ("None!", "None!"),
    ],
)
def test_a_merge_of_lists_is_shown_the_list_that_a_reply_ends_with(reply: str, shown: str) -> None:
    """Thinking aloud is left behind; a reply without a list is shown whole, where the published code breaks off."""
    for text in ("Sort [3, 1, 2, 0]", "The intersection of [1, 2] and [2, 3]?"):
        merge = TreeOfProblems().decompose(Prompt("p", text)).calls[-1].text
        assert callable(merge)
        assert f"<part 1>\n{shown}\n</part 1>" in merge({"1": reply, "2": "[5]"})


# The sequential variant


@pytest.mark.parametrize("task", STEPS)
@settings(max_examples=40, deadline=None)
@given(seed=Seeds, count=st.integers(2, 16), depth=st.integers(2, 8))
def test_a_breadth_of_one_runs_the_blocks_one_after_another(task: str, seed: int, count: int, depth: int) -> None:
    """d blocks, or one a step: solvers that each wait for the one before; no step is lost, none is said twice, and the
    last reply is the answer."""
    text, steps, answer = STEPS[task](random.Random(seed), count)
    plan = tree(task, text, 1, depth)
    said = {call.id: "" for call in plan.calls}
    blocks = [call.text(said) if callable(call.text) else call.text for call in plan.calls]

    assert recognise(text) == task
    assert [call.role for call in plan.calls] == ["solve"] * min(depth, len(steps))
    assert [call.needs for call in plan.calls] == [(), *((call.id,) for call in plan.calls[:-1])]
    assert " ".join(steps) == " ".join(" ".join(_steps(task, block)) for block in blocks)
    assert solved(plan) == answer
    assert compute.solve(text) == answer


def _steps(task: str, block: str) -> list[str]:
    pattern = {
        "coin": r"\w+ (?:flips|does not flip) the coin\.", "web_of_lies": r"\w+ says \w+ (?:tells the truth|lies)\.",
        "navigate": r"(?:Take|Turn)[^.]+\.", "tracking": r"(?:First|Then|Finally), \w+ and \w+ swap balls\.",
    }[task]  # fmt: skip
    return re.findall(pattern, block)


@pytest.mark.parametrize("task", ["coin", "web_of_lies", "navigate"])
def test_an_error_in_a_block_stays_an_error(task: str) -> None:
    """The next block goes on from what was answered: a walk that came back does so no more."""
    made = [STEPS[task](random.Random(seed), 6) for seed in range(60)]
    shown = [(text, answer) for text, _, answer in made if task != "navigate" or answer == "Yes"]

    assert len(shown) > 2
    for text, answer in shown:
        assert solved(tree(task, text, 1, 3), spoil="2") != answer


def second(task: str, text: str, reply: str) -> str:
    call = tree(task, text, 1, 2).calls[1]
    assert callable(call.text)
    return call.text({"1": reply})


COIN = "A coin is heads up. Ada flips the coin. Ben flips the coin. Is the coin still heads up?"
LIES = "Question: Ada lies. Ben says Ada lies. Cleo says Ben tells the truth. Does Cleo tell the truth?"
BACK = "If you follow these instructions, do you return to the starting point?"
WALK = f"{BACK} Always face forward. Take 2 steps left. Take 1 step."
SWAP = (
    "Ada and Ben are dancers. At the start, they each have a partner: Ada is dancing with Rex, and Ben is dancing with Sue. "
    "Then they swap. First, Ada and Ben switch partners. Then, Ben and Ada switch partners. At the end, Ada is dancing with"
)


@pytest.mark.parametrize(
    ("task", "text", "reply", "holds"),
    [
        ("coin", COIN, "no", "A coin is tails up. Ben flips the coin. Is the coin still heads up?"),
        ("coin", COIN, "It was turned once. So the answer is no.", "A coin is tails up."),
        ("coin", COIN, "Yes!", "A coin is heads up."),
        ("coin", COIN, "It is tails up now.", "A coin is tails up."),
        ("coin", COIN, "hm {0} $1", "hm {0} $1 Ben flips the coin. Is the coin still heads up?"),
        ("coin", COIN, "", "Ben flips the coin. Is the coin still heads up?"),
        ("web_of_lies", LIES, "Yes", "Ben tells the truth. Cleo says Ben tells the truth. Does Cleo tell the truth?"),
        ("web_of_lies", LIES, "So the answer is No.", "Ben lies. Cleo"),
        ("web_of_lies", LIES, "Who knows", "Who knows Cleo says Ben tells the truth."),
        ("navigate", WALK, "(-2, 0), facing +y", "at (-2, 0), facing +y. Go on with these instructions: Always face"),
        ("navigate", WALK, "From (0, 0) to (−2, 0), facing −x.", "at (-2, 0), facing -x."),
        ("navigate", WALK, "to the left", "at to the left, facing +y."),
        ("tracking", SWAP, "Ada: Sue\nBen: Rex", "dancing with Sue, and Ben is dancing with Rex. Then they swap. Then, Ben"),
        ("tracking", SWAP, "- **Ben**: Rex.\n- **Ada**: Sue.", "Ada is dancing with Sue, and Ben is dancing with Rex."),
        ("tracking", SWAP, "Ada: Sue", "Ben is dancing with Sue. Then they swap. Ada: Sue Then, Ben"),
    ],
)  # fmt: skip
def test_a_block_is_stated_with_the_state_that_was_answered(task: str, text: str, reply: str, holds: str) -> None:
    """The last thing that a reply names counts; a reply that names nothing stands where the state would."""
    assert holds in second(task, text, reply)


def test_the_first_block_knows_where_it_begins() -> None:
    """Its text is there before anything is answered, and asks for a state where the problem asks for something else."""
    first = {task: str(tree(task, text, 1, 2).calls[0].text) for task, text in (("coin", COIN), ("web_of_lies", LIES))}
    assert first["coin"] == "A coin is heads up. Ada flips the coin. Is the coin still heads up?"
    assert first["web_of_lies"] == "Ada lies. Ben says Ada lies. Does Ben tell the truth?"
    assert "begin at (0, 0), facing +y" in str(tree("navigate", WALK, 1, 2).calls[0].text)
    assert "Ada: ...\nBen: ..." in str(tree("tracking", SWAP, 1, 2).calls[0].text)


@pytest.mark.parametrize(
    ("text", "cut"),
    [("One. Two! Three?", ["One.", "Two!", "Three?"]), ("It costs 3.5 euros. More.", ["It costs 3.5 euros.", "More."]),
     ('He said: "Go!" She went (far.) Then', ['He said: "Go!"', "She went (far.)", "Then"]), ("a..b c?! d", ["a..b c?!", "d"]),
     (" One\nmore.\n\nTwo. \n", ["One\nmore.", "Two."]), ("", []), (" \n", []), (". .", [".", "."])],
)  # fmt: skip
def test_sentences_end_where_a_mark_does_and_not_inside_of_a_number(text: str, cut: list[str]) -> None:
    """Nothing but white space is lost between them."""
    assert sentences(text) == cut
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())


@pytest.mark.parametrize("nasty", NASTY, ids=lambda text: text[:10])
def test_an_answer_passes_through_a_merge_unharmed(nasty: str) -> None:
    """Braces, tags, dollar signs and slots in a reply stand in the merge, and in the next block, as they are."""
    for text in ("Sort [3, 1, 2, 0]", "Join the last letter of each:\nAda, Ben"):
        merge = TreeOfProblems().decompose(Prompt("p", text)).calls[-1].text
        assert callable(merge)
        assert merge({"1": nasty, "2": "{parts} {problem}"}).count(nasty) == 1
        assert "{parts} {problem}" in merge({"1": nasty, "2": "{parts} {problem}"})
    assert nasty.strip() in second("coin", COIN, nasty)


# Options


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"breadth": 0}, "breadth is 1 or more and depth 1 or more, not 0 and 1"),
        ({"depth": 0}, "breadth is 1 or more and depth 1 or more, not 2 and 0"),
        ({"breadth": 101}, "breadth is 100 or less and depth 10 or less"),
        ({"depth": 11}, "breadth is 100 or less and depth 10 or less"),
        ({"breadth": 1, "depth": 101}, "depth 100 or less"),
        ({"task": "chess"}, "task is 'chess'; have: auto, general, sorting"),
        ({"task": "general", "breadth": 1}, "a general prompt is divided by a model, with a breadth of 2 or more"),
        ({"task": "navigate"}, "the steps of navigate follow each other; give breadth=1"),
        (
            {"task": "word_sorting", "breadth": 1},
            "word_sorting is divided with a breadth of 2 or more; breadth 1 is for coin, ",
        ),
    ],
)
def test_options_that_fit_nothing_are_refused(options: dict[str, Any], said: str) -> None:
    """With what there is instead."""
    with pytest.raises(ValueError, match=said):
        TreeOfProblems(**options)


@pytest.mark.parametrize("task", TASKS)
def test_a_task_that_the_text_does_not_state_is_declined(task: str) -> None:
    """Asked for by name, with a reason that names it; the prompt is sent as it is."""
    plan = tree(task, TEXT, 1 if TASKS[task].divide is None else 2, 2)

    assert (plan.status, plan.reason) == ("declined", f"the text states no problem of the task {task}")
    assert [call.text for call in plan.calls] == [TEXT]


@pytest.mark.parametrize(
    ("text", "options", "reason"),
    [
        (TEXT, {"breadth": 1}, "breadth 1 is for coin, navigate, web_of_lies, tracking; the text states none of them"),
        ("Compute: 1 + 2 + 3", {"breadth": 1}, "algebraic is divided with a breadth of 2 or more"),
        (LIES, {}, "the steps of web_of_lies follow each other; give breadth=1"),
        (COIN, {"breadth": 1}, "one block is the whole problem; give a depth of 2 or more"),
        ("Compute: 1 + 2 + 3", {"breadth": 4}, "the problem has fewer parts than the breadth"),
        (
            f"The intersection of {list(range(600))} and {list(range(600))}?",
            {"breadth": 4, "depth": 8},
            "the tree holds more than",
        ),
    ],
)
def test_what_cannot_be_divided_so_is_declined(text: str, options: dict[str, Any], reason: str) -> None:
    """A breadth that the recognised task cannot have, a single part, a tree that nobody wants to pay for."""
    plan = TreeOfProblems(**options).decompose(Prompt("p", text))

    assert plan.status == "declined"
    assert plan.reason.startswith(reason)


def test_a_published_tree_is_not_too_large() -> None:
    """Sets of 32 that are crossed five times, the largest that their size allows."""
    text, _, _ = intersection(random.Random(2), 32)

    assert len(tree("set_intersection", text, 4, 5).calls) == 4**5 + sum(4**k for k in range(5)) < MOST_CALLS


def test_a_general_task_is_divided_by_a_call_whatever_the_text_states() -> None:
    """`general` asks a model even for a canonical problem; `auto` does so for a text that states none."""
    for options, text in (({"task": "general"}, "Sort: [3, 1, 2, 4]"), ({}, SMOKE[0].text)):
        [call] = TreeOfProblems(**options).decompose(Prompt("p", text)).calls  # type: ignore[arg-type]
        assert (call.id, call.role) == ("divide", "plan")
        assert text in str(call.text)


@pytest.mark.parametrize(
    "text",
    ["Is this true or false?", "True or False: the sky is blue", "I have a dream. How many dreams do I have?", "Toss a coin.",
     "Sort the words by length: pear fig kiwi", "Call (555) 123-4567", "What is (a + b) * (c + d)?", "Let f(x) = (1 + x)",
     "Ada tells the truth. Does Ada tell the truth?", "Describe a coin with heads up. And why. Then what. Is it heads up?",
     "Explain the order of adjectives.", "Which sentence has the correct adjective order:\nOptions:\n(A) big red\n(B) red big",
     "Do you return to the starting point? It depends. Take 5 steps. Then think. Take 2 steps.", "2020-01-05", "[",
     "Ada and Ben swap balls. Then, Ben and Ada swap balls. Why?", "", " ", "is", "=", "()", "( ) =", "not", "I have a. How"],
)  # fmt: skip
def test_what_only_looks_like_a_puzzle_is_none(text: str) -> None:
    """Talk about a task is not the task."""
    assert recognise(text) == ""
    assert compute.task_of(text) == ""


@pytest.mark.parametrize(
    "text",
    ["What sort of list is [1, 2, 3]?", "Sort these invoices by date: [12, 5, 7] please and then write a letter",
     "Sort [3,1,2,4] and tell me the median", "What is the intersection of set theory and logic? [1] [2]",
     "Please sort out the argument in [3, 4] and write a summary of it.", "Sort out [3, 4].", "Sort the arguments in [3].",
     "Sort [3, 1, 2] and return the largest", "Sort the list and sum it: [3, 1]", "Explain how merge sort handles [3, 1, 2].",
     "Which sort is best for [3, 1, 2]?", "Sort the laundry, as said in [3, 4].", "Sort [3, 1], then write a poem.",
     "Sort these people by their age: [3, 1]", "Is [1, 2] the intersection of law and art in [3, 4]?",
     "What is the intersection of set theory and logic? [1, 2] [3, 4]", "Is the intersection of [1, 2] and [2, 3] empty?",
     "What is the intersection of [1, 2] and [2, 3] and how large is the union?", "Sort: [2, 1] [4, 3]", "Sort [1]"],
)  # fmt: skip
def test_a_list_is_no_task_where_something_else_is_asked(text: str) -> None:
    """Other senses of a word, sources cited, work asked for beside or behind the lists: a model divides these."""
    assert recognise(text) == ""
    assert [call.role for call in TreeOfProblems().decompose(Prompt("p", text)).calls] == ["plan"]


@pytest.mark.parametrize(
    ("text", "task"),
    [(text, "sorting") for text in (
        "Sort [3, 1, 2]", "Please sort this list: [3, 1, 2].", "Can you sort these numbers in descending order? [3, 1, 2]",
        "Sort [3, 1, 2] in ascending order, please.", "Sort my scores from highest to lowest: [3, 1, 2]", "Sort: [3]",
        "I want you to sort the following prices: [3, 1, 2]. Thanks!", "sort [3, 1, 2] and output only the sorted list",
        "<Instruction> Sort the following list of numbers in ascending order. Output only the sorted list of numbers, no "
        "additional text. </Instruction>\n\nInput: [3, 1, 2]\nOutput:")]
    + [(text, "set_intersection") for text in (
        "Find the intersection of [1, 2] and [2, 3], please.", "Intersection:\nA = [1, 2]\nB = [2, 3]",
        "Compute the intersection of the two sets [1, 2], [2, 3] and return only the result.",
        "<Instruction> Find the intersection of two sets of numbers. Output only the set of numbers that are present in both "
        "sets, no additional text. </Instruction>\nInput Set 1: [1, 2]\nInput Set 2: [2, 3]\nOutput:")],
)  # fmt: skip
def test_a_list_is_a_task_where_nothing_else_is_asked(text: str, task: str) -> None:
    """Courtesy, an order and the form of the reply may be said as well."""
    assert recognise(text) == task


def test_a_plan_says_what_it_was_split_into() -> None:
    """The leaves of a tree, the subproblems of a division; nothing for equal ones, and for steps in a chain."""
    text = MAKERS["algebraic"](random.Random(3), 8)[0]
    plan = tree("algebraic", text, 2, 2)
    assert plan.schema is not None
    assert list(plan.schema.render()) == leaves(plan)
    assert tree("concatenation", "Last letter of each:\nAda, Ada", 2, 1).schema is None
    assert tree("coin", COIN, 1, 2).schema is None

    expand = tree("general", TEXT, 2, 1).calls[0].expand
    assert expand is not None
    divided, repeated = expand('{"subproblems": ["a {data}", "b"]}'), expand('{"subproblems": ["a", "a"]}')
    assert divided.schema is not None
    assert divided.schema.render() == ("a {data}", "b")
    assert (repeated.status, repeated.schema) == ("split", None)


@settings(max_examples=300, deadline=None)
@given(text=st.text(st.sampled_from("TrueFalseandornot()+-*= 12.,:?\n[]coin heads flip"), max_size=60))
def test_any_text_gives_a_plan(text: str) -> None:
    """Recognising and dividing never fail, whatever the text, the breadth and the depth."""
    for breadth in (1, 2, 4):
        assert TreeOfProblems(breadth=breadth, depth=3).decompose(Prompt("p", text)).calls
    compute.solve(text)
    compute.merge(text, [text, text], [text, text])


@pytest.mark.parametrize(
    "text",
    ["1 " * 99_999 + "x", "( " * 99_999, "a, " * 60_000, "I have a, " * 20_000, "a b " * 50_000 + "?", "Ada lies. " * 20_000],
    ids=lambda text: text[:8],
)  # fmt: skip
def test_a_long_text_is_looked_at_briefly(text: str) -> None:
    """No pattern goes over a long text again and again; each of these would take minutes if one did."""
    assert recognise(text) == ""
    compute.solve(text)


_RUNS = [
    " ", "\n", ".", "!", "(", ")", "( ", "()", "[", "[ ", "[1, ", "-", "- ", "1", "1 ", "1 + ", "(1 + ", "a", "a-", "' ", ", ",
    "a, ", "a b ", ". .", ".) ", "True ", "not ", "((((  ", "True and ", "I have ", "I have a. How many b", "a and ",
    "Turn ", "Take 2 steps. ", "coin ", "Ada has a ", "Ada says ", "Ada lies. ", "Ada and Ben swap ", "Peru: ",
]  # fmt: skip
_OPENINGS = {
    "": "", "1": "", "[1": "", "?": "", "sort [1, 2]": "", "Compute: 1 + 1": "x", "I have a": ". How many b do I have?",
    "Do you return to the starting point?": "", "A coin is heads up. Ada flips it. Ben flips it. ": "Is it heads up?",
    "Count how many times each country is named.\n": "x", "Sort the words in alphabetical order: ": "?",
    "Is the adjective order right?\n": "?", "last letter:\n": "?", "Ada lies. ": "Does Ada tell the truth?",
}  # fmt: skip


@pytest.mark.parametrize("size", [2_000, 10_000, 200_000])
@pytest.mark.parametrize("run", _RUNS, ids=ascii)
def test_a_hostile_text_is_read_in_few_passes(run: str, size: int) -> None:
    """Rows of what a pattern repeats, behind what it begins with and before what it does not end with, at the lengths
    up to which puzzles are read and far beyond: going over a row again from each of its places would not come back."""
    for opening, end in _OPENINGS.items():
        for closing in {end, "x", ""}:
            text = opening + (run * size)[: size - len(opening) - len(closing)] + closing
            recognise(text)
            compute.solve(text)
            compute.merge(text, [text], [text])


@pytest.mark.parametrize(
    ("text", "answer"),
    [("( 2 - - 3 ) * ( 1 - 4 ) =", "-15"), ("1 - 2 * 3 - -4 =", "-1"), ("(2) - (3 - (4)) =", "3"), ("2 (3) =", ""),
     ("1 2 =", ""), ("(1 + 2 =", ""), ("1 + * 2 =", ""), ("not not ( True and not False ) or False is", "True"),
     ("True (False) is", ""),
     ("not is", ""), ("( ) and True is", ""), ("True and not True or not ( False or True ) is", "False"),
     ("1 - 1 " * 300 + "=", ""), ("1" + " - 1" * 400 + " =", "-399"), ("(" * 900 + "1 + 1" + ")" * 900 + " =", "2")],
)  # fmt: skip
def test_the_mock_works_out_what_is_an_expression_and_nothing_else(text: str, answer: str) -> None:
    """Signs, brackets and `not` however many; operands without an operator between them have no value."""
    assert puzzles.solve(text) == answer


def test_each_place_of_a_text_is_tried_by_a_pattern_once() -> None:
    """A row of a hundred thousand brackets that closes, and one of dots, are read in one go."""
    assert bigbench._group(["("] * 100_000 + ["1"] + [")"] * 100_000) == ["1"]
    assert bigbench._group(list("(1)+(2)")) == list("(1)+(2)")
    assert bigbench._group(list("((1)+(2))")) == list("(1)+(2)")
    assert sentences("." * 200_000 + "x. y") == ["." * 200_000 + "x.", "y"]


# Real problems

SHAPES = [(2, 1), (2, 2), (2, 3), (3, 1), (4, 1), (1, 2), (1, 4)]
KINDS = {"concatenation": "concatenation", "coin": "coin", "algebraic": "algebraic", "sorting": "sorting",
         "set": "set_intersection", "keyword": "keyword_counting"}  # fmt: skip


def real_rows() -> list[dict[str, Any]]:
    folder = os.environ.get("PPBENCH_REAL_DATA", "")
    path = Path(folder, "top_tasks.jsonl")
    if not folder or not path.exists():
        pytest.skip("PPBENCH_REAL_DATA names no folder with top_tasks.jsonl")
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def gold(task: str, answer: str) -> str:
    if task != "keyword_counting":
        return answer
    return ", ".join(f"{k}: {v}" for k, v in sorted(Counter(re.split(r",\s*", answer.strip("[] "))).items()))


@pytest.mark.parametrize(("breadth", "depth"), SHAPES)
def test_real_problems_are_recognised_divided_and_solved(breadth: int, depth: int) -> None:
    """Each one by its text alone: its task, the published number of calls, and the right answer from the mock model."""
    rows = real_rows()
    tasks = [KINDS[re.split(r"[/_]", row["source"].partition("/")[2])[0]] for row in rows]
    assert [recognise(row["prompt"]) for row in rows] == tasks

    plans = TreeOfProblems(breadth=breadth, depth=depth)
    jobs = [Job(str(k), lambda row=row: plans.decompose(Prompt("p", row["prompt"]))) for k, row in enumerate(rows)]  # type: ignore[misc]
    oracle = Oracle(known_items())

    def respond(request: Request, now_ns: int) -> Script:
        return Script(((1, oracle.answer(Ask(request.text))),), 1)

    for row, task, outcome in zip(rows, tasks, Loop(VirtualExecutor(respond)).run([jobs]), strict=True):
        assert outcome.trace.answer == gold(task, str(row["answer"])), row["id"]
        stepwise = breadth == 1 and TASKS[task].honours
        assert outcome.trace.status == ("declined" if stepwise and task != "coin" else "split")
        if stepwise:
            assert roles(outcome.trace) == {"solve": depth if task == "coin" else 1}
            continue
        real = breadth if TASKS[task].honours or (task, breadth) == ("set_intersection", 4) else 2
        size = len(row["items"] or ()) or (10**6 if task != "algebraic" else len(re.findall(r"\d+", row["prompt"])))
        solvers, mergers = nodes(size, real, depth)
        assert roles(outcome.trace) == {"solve": solvers, "merge": mergers}


def test_a_stepwise_problem_runs_on_the_mock_model() -> None:
    """Through the loop: the second request leaves when the first is answered."""
    [trace] = execute(TreeOfProblems(breadth=1, depth=2), COIN)
    one, two = trace.spans

    assert (trace.status, trace.answer, roles(trace)) == ("split", "yes", {"solve": 2})
    assert two.reply.sent_ns >= one.reply.done_ns
