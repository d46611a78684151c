"""holders of runs

A run names the lock that the process which took it holds, so that another on the same machine knows at once that it is
gone. The column may be null, so the previous release runs beside it: its runs are given up after a minute of silence.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("holder", sa.String(length=32), nullable=True))


def downgrade() -> None:
    op.drop_column("runs", "holder")
