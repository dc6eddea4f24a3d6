"""Problems of every canonical task, made up from a seed: the text, its elements in order, and the answer.

The answers are worked out here from what was drawn, not from the text; knows nothing of how a problem is divided.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

Made = tuple[str, list[str], str]
"""A problem's text, its elements in order, and its answer."""
NAMES = "Ada Ben Cleo Dev Eva Finn Gus Hana Ivo Jo Kim Leo Mia Ned Ola Pia Quin Rex Sue Tom Uma Vic Wes Yan Zoe".split()
LANDS = ["Peru", "Chad", "New Zealand", "South Korea", "Kenya", "Norway"]
FRUIT = ["an apple", "two plums", "three bananas", "a peach", "four kiwis", "a melon", "five figs", "a grape"]
OTHER = ["a chair", "two lamps", "a stove", "three beds", "a car", "a toaster"]
ADJECTIVES = ["lovely", "tiny", "ancient", "round", "blue", "Thai", "wooden", "hiking"]


def _numbers(draw: random.Random, count: int) -> list[int]:
    return [draw.randint(-9, 99) for _ in range(count)]


def sorting(draw: random.Random, count: int) -> Made:
    found = _numbers(draw, count)
    return f"Sort the list in ascending order: {found}", [str(k) for k in found], str(sorted(found))


def intersection(draw: random.Random, count: int) -> Made:
    one, two = draw.sample(range(99), count), draw.sample(range(99), count)
    text = f"Which numbers are in both, that is in the intersection?\n{one}\n{two}"
    return text, [str(k) for k in one + two], str(sorted(set(one) & set(two)))


def concatenation(draw: random.Random, count: int) -> Made:
    names = draw.choices(NAMES, k=count)
    return f"Join the last letter of each:\n{', '.join(names)}", names, "".join(name[-1] for name in names)


def algebraic(draw: random.Random, count: int) -> Made:
    signs, sizes = draw.choices("+-", k=count), [draw.randint(0, 99) for _ in range(count)]
    text = " ".join(f"{sign} {size}" for sign, size in zip(signs, sizes, strict=True)).removeprefix("+ ")
    terms = [f"{sign}{size}" for sign, size in zip(signs, sizes, strict=True)]
    return f"Compute: {text}", terms, str(sum(map(int, terms)))


def counting(draw: random.Random, count: int) -> Made:
    said = [
        f"{draw.choice(NAMES)} left {draw.choice(LANDS)} for {draw.choice(LANDS)}{draw.choice('.!?')}" for _ in range(count)
    ]
    tally = Counter(land for one in said for land in LANDS for _ in range(one.count(land)))
    answer = ", ".join(f"{land}: {times}" for land, times in sorted(tally.items()))
    return "Count how many times each country is named.\n\n" + " ".join(said), said, answer


def objects(draw: random.Random, count: int) -> Made:
    things = draw.choices(FRUIT + OTHER, k=count)
    many = {"an": 1, "a": 1, "two": 2, "three": 3, "four": 4, "five": 5}
    total = sum(many[thing.split()[0]] for thing in things if thing in FRUIT)
    listed = ", ".join(things[:-1]) + f", and {things[-1]}"
    return f"I have {listed}. How many fruits do I have?", things, str(total)


def adjectives(draw: random.Random, count: int) -> Made:
    words = [ADJECTIVES[k] for k in draw.sample(range(8), min(count, 8))]
    words = sorted(words, key=ADJECTIVES.index) if draw.random() < 0.5 else words
    right = words == sorted(words, key=ADJECTIVES.index)
    return f"Is the adjective order right?\n{' '.join(words)} boots", words, "yes" if right else "no"


def words(draw: random.Random, count: int) -> Made:
    found = [name.lower() + draw.choice(["", "ly", "'s"]) for name in draw.choices(NAMES, k=count)]
    return f"Sort these words alphabetically: List: {' '.join(found)}", found, " ".join(sorted(found))


def coin(draw: random.Random, count: int) -> Made:
    start, asked = draw.choices(["heads", "tails"], k=2)
    flips = [f"{name} {draw.choice(['flips', 'does not flip'])} the coin." for name in draw.choices(NAMES, k=count)]
    turned = sum("not" not in flip for flip in flips) % 2
    up = start if not turned else ({"heads", "tails"} - {start}).pop()
    text = f"A coin is {start} up. {' '.join(flips)} Is the coin {asked} up?"
    return text, flips, "yes" if up == asked else "no"


def boolean(draw: random.Random, count: int) -> Made:
    values = draw.choices(["True", "False"], k=count)
    text = values[0]
    for value in values[1:]:
        text = draw.choice(["{0} and {1}", "{0} or {1}", "( {0} ) and not {1}", "( {0} or {1} )", "not ( {0} ) or {1}"]).format(
            text, value
        )
    return f"{text} is", values, str(bool(eval(text)))


def multistep(draw: random.Random, count: int) -> Made:
    """Two groups of four numbers each; `count` says how they are joined."""
    found = _numbers(draw, 8)
    signs = [draw.choice("+-*") for _ in range(6)]
    group = [
        f"({a} {x} {b} {y} {c} {z} {d})"
        for (a, b, c, d), (x, y, z) in zip((found[:4], found[4:]), (signs[:3], signs[3:]), strict=True)
    ]
    text = f" {'+-*'[count % 3]} ".join(group)
    return f"({text}) =", [str(k) for k in found], str(eval(text))


def lies(draw: random.Random, count: int) -> Made:
    names = draw.sample(NAMES, count + 1)
    honest = draw.random() < 0.5
    opening, said = f"{names[0]} {'tells the truth' if honest else 'lies'}.", []
    for before, name in pairwise(names):
        claim = draw.random() < 0.5
        said.append(f"{name} says {before} {'tells the truth' if claim else 'lies'}.")
        honest = claim == honest
    text = f"{opening} {' '.join(said)} Does {names[-1]} tell the truth?"
    return text, said, "Yes" if honest else "No"


def walk(draw: random.Random, count: int) -> Made:
    at, way, steps = 0j, 1j, []
    for _ in range(count):
        if draw.random() < 0.4:
            turn = draw.choice(["left", "right", "around"])
            way *= {"left": 1j, "right": -1j, "around": -1}[turn]
            steps.append(f"Turn {turn}.")
        else:
            far, side = draw.randint(1, 3), draw.choice(["", " forward", " backward", " left", " right"])
            at += far * way * {"": 1, " forward": 1, " backward": -1, " left": 1j, " right": -1j}[side]
            steps.append(f"Take {far} step{'s' * (far > 1)}{side}.")
    text = f"If you follow these instructions, do you return to the starting point? {' '.join(steps)}\nOptions:\n- Yes\n- No"
    return text, steps, "No" if at else "Yes"


def swaps(draw: random.Random, count: int) -> Made:
    names, things = draw.sample(NAMES, 3), ["yellow ball", "blue ball", "pink ball"]
    held, said = dict(zip(names, things, strict=True)), []
    for k in range(count):
        one, two = draw.sample(names, 2)
        held[one], held[two] = held[two], held[one]
        said.append(f"{'First' if not k else 'Finally' if k == count - 1 else 'Then'}, {one} and {two} swap balls.")
    a, b, c = names
    text = (
        f"{a}, {b}, and {c} are playing a game. At the start of the game, they are each holding a ball: {a} has a yellow ball, "
        f"{b} has a blue ball, and {c} has a pink ball. As the game progresses, pairs of players trade balls. {' '.join(said)} "
        f"At the end of the game, {b} has the\nOptions:\n(A) yellow ball\n(B) blue ball\n(C) pink ball"
    )
    return text, said, "(" + "ABC"[things.index(held[b])] + ")"


MAKERS: dict[str, Callable[[random.Random, int], Made]] = {
    "sorting": sorting, "set_intersection": intersection, "concatenation": concatenation, "algebraic": algebraic,
    "keyword_counting": counting, "object_counting": objects, "hyperbaton": adjectives, "word_sorting": words,
    "coin": coin, "boolean": boolean, "multistep_arithmetic": multistep,
}  # fmt: skip
STEPS = {"coin": coin, "web_of_lies": lies, "navigate": walk, "tracking": swaps}
