"""who cancelled

A cancelled run names the person who cancelled it. The column may be null, so the previous release runs beside it; its
cancelled runs name nobody.
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
