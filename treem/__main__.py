"""`python -m treem`: the commands that need no Prefect."""

from treem.cli import app

app()
