"""Run the migrations on the connection, and in the transaction, that `ledger.store` opened."""

from alembic import context

from treem.ledger.tables import Table

context.configure(connection=context.config.attributes["connection"], target_metadata=Table.metadata, compare_type=True)
with context.begin_transaction():
    context.run_migrations()
