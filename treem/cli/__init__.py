"""The `treem` command: what an officer or administrator types. Words and tables only; the work is in the rooms below.

Commands that need Prefect are added by `flows.commands`, which is what the installed `treem` script starts.
"""

from treem.cli import ask, choose, decide, history, keeping, look, mail, narratives, paper, reports, trace
from treem.cli.base import ConfigOption, JsonOption, app, console, fail, named_errors
from treem.cli.forecast import list_letters

__all__ = [
    "ConfigOption",
    "JsonOption",
    "app",
    "ask",
    "choose",
    "console",
    "decide",
    "fail",
    "history",
    "keeping",
    "list_letters",
    "look",
    "mail",
    "named_errors",
    "narratives",
    "paper",
    "reports",
    "trace",
]
