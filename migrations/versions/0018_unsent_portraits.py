"""unsent portraits

An index by which engine and bot find the pictures that somebody waits for; the one before made them read, twice a
second, everybody's who ever asked for one. The previous release runs beside it.
"""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_portraits_asked_at", "portraits")
    op.create_index("ix_portraits_sent_at_asked_at", "portraits", ["sent_at", "asked_at"])


def downgrade() -> None:
    op.drop_index("ix_portraits_sent_at_asked_at", "portraits")
    op.create_index("ix_portraits_asked_at", "portraits", ["asked_at"])
