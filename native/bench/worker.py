"""A process that measures one client once and prints the numbers: `python -m bench.worker '{"measure": ...}'`."""

from __future__ import annotations

import json
import sys

from bench.measures import Asked, take

if __name__ == "__main__":
    print(json.dumps(take(Asked(**json.loads(sys.argv[1])))))
