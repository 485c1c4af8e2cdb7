"""The whole plan: whom a round asks where it asks only some, and the day a body was last told."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "selected",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("round_key", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("chosen", sa.Boolean(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("places", sa.Integer(), nullable=True),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("changed_by", sa.String(), nullable=True),
        sa.Column("changed_why", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("round_key", "body"),
    )
    op.create_index("ix_selected_round_key", "selected", ["round_key"])
    op.add_column("request", sa.Column("told_due", sa.Date(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("a ledger is never taken back to an earlier schema: restore a backup")
