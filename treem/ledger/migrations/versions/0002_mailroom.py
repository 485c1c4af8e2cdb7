"""The mailroom: paused accounts, contacts that bounce, how long a letter is tried, its bytes apart from its state, what
a body says to a finding."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

LONG_AGO = "2000-01-01 00:00:00"  # the retry limit of letters that are settled already; open ones get theirs below


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("paused_until", sa.DateTime(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("role", "name"),
    )
    op.create_table(
        "contact",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.Column("bounces", sa.Integer(), nullable=False),
        sa.Column("last_code", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("address"),
    )
    op.create_table(
        "remark",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.Integer(), nullable=False),
        sa.Column("figure", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("sheet", sa.String(), nullable=False),
        sa.Column("cell", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["submission_id"], ["submission.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "letter_bytes",
        sa.Column("letter_out_id", sa.Integer(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["letter_out_id"], ["letter_out.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("letter_out_id"),
    )
    op.execute("INSERT INTO letter_bytes (letter_out_id, raw) SELECT id, raw FROM letter_out")
    op.create_index("ix_remark_submission_id", "remark", ["submission_id"])
    op.add_column("mailbox", sa.Column("last_full_scan", sa.DateTime(), nullable=True))
    op.add_column("letter_in", sa.Column("authentication", sa.String(), nullable=True))
    op.add_column("finding", sa.Column("justification", sa.Text(), nullable=True))
    # no table is made anew: on SQLite that would drop the old one, and with it all that refers to it
    op.add_column("submission", sa.Column("source", sa.String(), nullable=False, server_default="mail"))
    op.add_column("letter_out", sa.Column("give_up_at", sa.DateTime(), nullable=False, server_default=LONG_AGO))
    op.drop_column("letter_out", "raw")
    op.create_index("ix_letter_out_kind_created_at", "letter_out", ["kind", "created_at"])
    letters = sa.table(
        "letter_out", sa.column("state", sa.String), sa.column("give_up_at", sa.DateTime), sa.column("next_at", sa.DateTime)
    )
    waiting = letters.c.state.in_(("queued", "leased", "retry", "unknown"))
    op.execute(letters.update().where(waiting).values(give_up_at=letters.c.next_at))


def downgrade() -> None:
    raise NotImplementedError("a ledger is never taken back to an earlier schema: restore a backup")
