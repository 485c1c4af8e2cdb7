"""Alembic migrations of the ledger, run by `ledger.store`. One file a version in `versions/`."""
