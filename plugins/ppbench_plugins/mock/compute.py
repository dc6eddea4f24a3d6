"""Answers that can be computed: sorting, set intersection, counting, last letters, sums; and their merges. Puzzles have
a module of their own.

Works on the text alone. A merge is computed from the parts it is given, so an error in a part stays an error.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from ppbench_plugins.mock import puzzles

_LIST = re.compile(r"\[([^\[\]]*)\]")
_WORDS = re.compile(r"([^\W\d_][\w'’-]*+(?:, *+[^\W\d_][\w'’-]*+)*+)\.?")
_SUM = re.compile(r"^[^\d*/×÷^()]*?((?:[-+]\s*+)?\d++(?:\s*+[-+]\s*+\d++)*+)[\s.=?]*+$")
_ENDLESS = re.compile(r"\d{1000}")
"""A number that nobody reckons with; Python reads none of more than 4,300 digits."""
_COUNT = re.compile(r"(?<![^:,\n\"*])(?:[^:,\n\"*\w]|[\d_])*+([^\W\d_][^:,\n\"*]*+)[\"*]*+:\s*+(\d+)")
_COUNTRIES = """
Afghanistan, Albania, Algeria, Andorra, Angola, Antigua and Barbuda, Argentina, Armenia, Australia, Austria, Azerbaijan,
Bahamas, Bahrain, Bangladesh, Barbados, Belarus, Belgium, Belize, Benin, Bhutan, Bolivia, Bosnia and Herzegovina, Botswana,
Brazil, Brunei, Bulgaria, Burkina Faso, Burundi, Cambodia, Cameroon, Canada, Cape Verde, Central African Republic, Chad, Chile,
China, Colombia, Comoros, Congo, Costa Rica, Croatia, Cuba, Cyprus, Czech Republic, Czechia, Denmark, Djibouti, Dominica,
Dominican Republic, Ecuador, Egypt, El Salvador, Equatorial Guinea, Eritrea, Estonia, Eswatini, Ethiopia, Fiji, Finland, France,
Gabon, Gambia, Georgia, Germany, Ghana, Greece, Grenada, Guatemala, Guinea, Guinea-Bissau, Guyana, Haiti, Honduras, Hungary,
Iceland, India, Indonesia, Iran, Iraq, Ireland, Israel, Italy, Ivory Coast, Jamaica, Japan, Jordan, Kazakhstan, Kenya, Kiribati,
Kosovo, Kuwait, Kyrgyzstan, Laos, Latvia, Lebanon, Lesotho, Liberia, Libya, Liechtenstein, Lithuania, Luxembourg, Madagascar,
Malawi, Malaysia, Maldives, Mali, Malta, Marshall Islands, Mauritania, Mauritius, Mexico, Micronesia, Moldova, Monaco, Mongolia,
Montenegro, Morocco, Mozambique, Myanmar, Namibia, Nauru, Nepal, Netherlands, New Zealand, Nicaragua, Niger, Nigeria,
North Korea, North Macedonia, Norway, Oman, Pakistan, Palau, Palestine, Panama, Papua New Guinea, Paraguay, Peru, Philippines,
Poland, Portugal, Qatar, Romania, Russia, Rwanda, Saint Lucia, Samoa, San Marino, Saudi Arabia, Senegal, Serbia, Seychelles,
Sierra Leone, Singapore, Slovakia, Slovenia, Solomon Islands, Somalia, South Africa, South Korea, South Sudan, Spain, Sri Lanka,
Sudan, Suriname, Sweden, Switzerland, Syria, Taiwan, Tajikistan, Tanzania, Thailand, Timor-Leste, Togo, Tonga,
Trinidad and Tobago, Tunisia, Turkey, Turkmenistan, Tuvalu, Uganda, Ukraine, United Arab Emirates, United Kingdom,
United States, Uruguay, Uzbekistan, Vanuatu, Vatican City, Venezuela, Vietnam, Yemen, Zambia, Zimbabwe
"""
_COUNTRY = re.compile(r"\b(?:" + "|".join(sorted(re.split(r",\s", _COUNTRIES.strip()), key=len, reverse=True)) + r")\b")


def task_of(problem: str) -> str:
    """Which computable task a problem states, or an empty string."""
    lower, lists = problem.casefold(), _LIST.findall(problem)
    if "sort" in lower and len(lists) == 1:
        return "sorting"
    if "intersection" in lower and len(lists) == 2:
        return "set_intersection"
    if "last letter" in lower and _names(problem):
        return "concatenation"
    if lower.lstrip().startswith(("compute", "calculate")) and _SUM.search(problem):
        return "arithmetic"
    return "keyword_counting" if "count" in lower and "how many times" in lower and "countr" in lower else ""


def solve(problem: str) -> str:
    """The answer to a computable problem; an empty string if it is none."""
    if _ENDLESS.search(problem):
        return ""
    task = task_of(problem)
    if not task:
        return puzzles.solve(problem)
    lists = [_numbers(text) for text in _LIST.findall(problem)]
    if task == "sorting":
        return _show(_sorted(problem, lists[0]))
    if task == "set_intersection":
        return _show(sorted(set(lists[0]) & set(lists[1])))
    if task == "concatenation":
        return "".join(word.strip()[-1] for word in _names(problem))
    if task == "arithmetic":
        match = _SUM.search(problem)
        return str(_sum(match[1])) if match else ""
    return _tally(Counter(_COUNTRY.findall(problem)))


def merge(problem: str, parts: Sequence[str], asked: Sequence[str] = ()) -> str:
    """The answer to a computable problem from the answers to its parts, and from what those were asked if that is shown;
    an empty string if it is none."""
    if any(_ENDLESS.search(text) for text in (problem, *parts, *asked)):
        return ""
    task = task_of(problem)
    if not task:
        return puzzles.merge(problem, parts, asked)
    lists = [_numbers(text) for part in parts for text in _LIST.findall(part)]
    if task == "sorting":
        return _show(_sorted(problem, [number for one in lists for number in one]))
    if task == "set_intersection":
        return _show(sorted({number for one in lists for number in one}))
    if task == "concatenation":
        return "".join(part.strip() for part in parts)
    if task == "arithmetic":
        return str(sum(_sum(part) for part in parts))
    counts: Counter[str] = Counter()
    for part in parts:
        counts.update({name: int(count) for name, count in _COUNT.findall(part)})
    return _tally(counts)


def _names(problem: str) -> list[str]:
    """The words that are listed after the last line break or colon."""
    match = _WORDS.fullmatch(re.split(r"[\n:]", problem.rstrip())[-1].strip())
    return match[1].split(",") if match else []


def _sorted(problem: str, numbers: list[int]) -> list[int]:
    return sorted(numbers, reverse="descend" in problem.casefold())


def _numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"-?\d+", text)]


def _sum(text: str) -> int:
    return sum(int(term.replace(" ", "")) for term in re.findall(r"(?:[-+]\s*+)?\d++", text))


def _show(numbers: Sequence[int]) -> str:
    return "[" + ", ".join(map(str, numbers)) + "]"


def _tally(counts: Counter[str]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in sorted(counts.items()) if count) or "none: 0"
