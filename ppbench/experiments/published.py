"""What the ParallelPrompt paper reports and how its code measures, beside what is done here: words for the page.

Figures: arXiv 2506.18728, section 4, as `ppbench.paper` holds them. Ways of measuring: the code that was published with
it, of which there are two generations. What is not published is said to be missing, never guessed.
"""

from __future__ import annotations

from dataclasses import dataclass

from ppbench.paper import REPORTED

SOURCE = (
    "ParallelPrompt (Kolawole et al., NeurIPS 2025 Datasets and Benchmarks, arXiv 2506.18728), section 4; how it measures, by "
    "the code published with it (github.com/stevenkolawole/ParallelPrompt)"
)


@dataclass(frozen=True)
class Difference:
    what: str
    paper: str
    here: str
    why: str


DIFFERENCES = (
    Difference(
        "Average",
        "Ratio of sums: all serial seconds over all split seconds.",
        "The same in the table by category; elsewhere the geometric mean of ratios within pairs, with a 95 % interval over "
        "prompts.",
        "In a ratio of sums a few long prompts decide, and no interval stands beside it.",
    ),
    Difference(
        "Normalized",
        "Raw speedup x (output tokens split / serial); the headlines quote it.",
        "Shown in its column, never a headline.",
        "It rises when split answers are longer: 28 calls, each as long as the serial one and no gain in time (0.95x raw), "
        "come to 0.95 x 28 = 26.6x.",
    ),
    Difference(
        "Clock",
        "Wall clock around the serial call of a prompt, then around its split calls: always in this order, once a prompt, a "
        "new connection for each call, waiting between attempts inside.",
        "One monotonic clock; both arms back to back in an order shuffled by seed; connections are open before; a block in "
        "which a call was retried is run again whole.",
        "What drifts, and what only one arm pays, would be read as speed.",
    ),
    Difference(
        "Model",
        "Reported: GPT-4 (1106). The code names gpt-4-0125-preview for the table, gpt-4o-mini, later gpt-4o, for extraction.",
        "The endpoint named above, the same model for every call of every arm.",
        "Times of other models, years apart, are other times.",
    ),
    Difference(
        "Requests",
        "System text and token limit differ by arm: 4,000 tokens serial, 1,000 split; in the first code split reading "
        "comprehension is asked to be extremely concise.",
        "Equal for all arms.",
        "A shorter answer is a faster one, whoever splits it.",
    ),
    Difference(
        "Vary n",
        "n from 0 to 50, serial first. At n = 0 the code prints inf or nan; its limit of five prompts is never reached; what "
        "it calls averages are sums. Its claim: serial grows linearly, split stays about constant. The data are not published.",
        "n from 1; at n = 1 each arm is one call. A line with an interval for each arm, every point in the CSV, those "
        "without an answer counted.",
        "Of the claim only lines with intervals can say how far it holds.",
    ),
    Difference(
        "End to end",
        "Prompts whose extraction failed are left out. Putting answers together is not timed.",
        "They fall back to serial with the time lost, and stay in every mean; merging is inside.",
        "Who asks gets an answer late, not no row in a table.",
    ),
    Difference(
        "Its end-to-end row",
        f"{REPORTED['repeated_generation', 'schema'].raw:.2f}x is printed beside "
        f"{REPORTED['repeated_generation', 'schema'].serial_s} s and {REPORTED['repeated_generation', 'schema'].split_s} s.",
        "It stands as printed.",
        f"{REPORTED['repeated_generation', 'schema'].serial_s} / {REPORTED['repeated_generation', 'schema'].split_s} is "
        f"{REPORTED['repeated_generation', 'schema'].serial_s / REPORTED['repeated_generation', 'schema'].split_s:.2f}.",
    ),
    Difference(
        "Prompts",
        "From chat logs, three categories, schemas extracted by a model; probably the sets of about a hundred prompts that "
        "come with its code.",
        "Those packaged here with their labels, or a file of yours. Numbers of items differ.",
        "Speedup depends on the number of items and on the length of answers more than on anything else.",
    ),
    Difference(
        "Quality",
        "A judge asked once, in one order; quality retention has no published formula, structural adherence no published "
        "metric.",
        "Structure and reference agreement stand in the stored runs: ppbench report RUN.",
        "Speed alone says nothing of what was lost.",
    ),
)

SHOWS = (
    "The comparison shows what the same kinds of arms come to with this endpoint, these prompts and this clock, and where the "
    "paper's way of averaging differs from ours on the same data. It does not repeat the paper's measurement: its model, its "
    "prompts and its servers are not at hand, so that a figure that agrees confirms nothing by itself, and one that differs "
    "refutes nothing."
)
MODELLED = (
    "These times come from a mock endpoint with a latency model: modelled, not measured from a language model. They show that "
    "the experiments work and what concurrency alone would give under that model; they say nothing of a real one."
)
