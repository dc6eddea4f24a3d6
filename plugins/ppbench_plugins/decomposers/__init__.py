"""The built-in methods. Each is a frozen dataclass: its fields are its options."""

from __future__ import annotations

from ppbench import hookimpl
from ppbench_plugins.decomposers.adversaries import Constant, Flatterer, RandomSplit, Truncator
from ppbench_plugins.decomposers.dag import Dag
from ppbench_plugins.decomposers.schema import SchemaExtraction
from ppbench_plugins.decomposers.serial import Serial
from ppbench_plugins.decomposers.sot import SkeletonOfThought
from ppbench_plugins.decomposers.top import TreeOfProblems


@hookimpl
def ppbench_decomposers() -> tuple[type, ...]:
    return (Serial, SchemaExtraction, SkeletonOfThought, TreeOfProblems, Dag, Constant, Truncator, Flatterer, RandomSplit)
