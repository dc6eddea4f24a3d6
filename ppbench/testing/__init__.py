"""The conformance kit: does a plugin keep its contract? For its author's own tests, and for `ppbench plugins test`.

    from ppbench.testing import assert_conforms
    def test_it(): assert_conforms("decomposer", "my-method")

Nothing is paid for: the mock model answers, on a virtual clock where that will do. What a method is worth is not said here.
"""

from ppbench.testing.guard import no_network
from ppbench.testing.kit import assert_conforms, conformance
from ppbench.testing.report import Check, Report

__all__ = ["Check", "Report", "assert_conforms", "conformance", "no_network"]
