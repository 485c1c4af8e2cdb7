"""Puts the stand-in house into the runner's processes: Python imports this at start from a folder on PYTHONPATH."""

import sys

if "flows.leash" not in sys.orig_argv:  # the leash itself needs nothing
    from tests.flows.stand_in import install

    install()
