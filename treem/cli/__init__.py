"""The `treem` command: what an officer or administrator types. Words and tables only; the work is in the rooms below.

Commands that need Prefect are added by `flows.commands`, which is what the installed `treem` script starts.
"""

from treem.cli import decide, look, mail
from treem.cli.base import ConfigOption, JsonOption, app, console, named_errors

__all__ = ["ConfigOption", "JsonOption", "app", "console", "decide", "look", "mail", "named_errors"]
