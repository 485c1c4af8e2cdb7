"""How often it stayed unknown whether a letter was sent, apart from how often it was tried."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # no table is made anew, as in 0002
    op.add_column("letter_out", sa.Column("uncertain", sa.Integer(), nullable=False, server_default="0"))
    letters = sa.table("letter_out", sa.column("state", sa.String), sa.column("uncertain", sa.Integer))
    op.execute(letters.update().where(letters.c.state == "unknown").values(uncertain=1))  # once at least


def downgrade() -> None:
    raise NotImplementedError("a ledger is never taken back to an earlier schema: restore a backup")
