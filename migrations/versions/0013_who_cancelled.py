"""who cancelled

A run that was cancelled says who asked for that. It may be null, so the previous release runs beside it; what that one
cancels names nobody, as before.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("cancelled_by", sa.String(length=64), nullable=True))


def downgrade() -> None:
    op.drop_column("runs", "cancelled_by")
