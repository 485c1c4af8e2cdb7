"""Reports: number and date, hand-edited files, supplements, and the letters that carried them."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in (
        sa.Column("kind", sa.String(), nullable=False, server_default="report"),
        sa.Column("supplements", sa.Integer(), nullable=True),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("made_by", sa.String(), nullable=True),
        sa.Column("adopted_sha", sa.String(), nullable=True),
        sa.Column("figures_sha", sa.String(), nullable=True),
        sa.Column("number", sa.String(), nullable=True),
        sa.Column("signed_on", sa.Date(), nullable=True),
        sa.Column("numbered_by", sa.String(), nullable=True),
        sa.Column("numbered_at", sa.DateTime(), nullable=True),
        sa.Column("final_docx_sha", sa.String(), nullable=True),
        sa.Column("sent_digest", sa.String(), nullable=True),
    ):
        op.add_column("report", column)
    op.add_column("approval", sa.Column("named", sa.JSON(), nullable=True))
    op.create_table(
        "dispatch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("report_id", sa.Integer(), nullable=False),
        sa.Column("letter_out_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("raw_sha", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["report_id"], ["report.id"]),
        sa.ForeignKeyConstraint(["letter_out_id"], ["letter_out.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("letter_out_id"),
    )
    op.create_index("ix_dispatch_report_id", "dispatch", ["report_id"])


def downgrade() -> None:
    raise NotImplementedError("a ledger is never taken back to an earlier schema: restore a backup")
