"""languages of runs

A message that shows a run is brought up to date in the language of who asked for it, in groups too. It may be null, so
the previous release runs beside it; what that one follows in a group is in English, as before.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("run_watchers", sa.Column("language", sa.String(length=16), nullable=True))


def downgrade() -> None:
    op.drop_column("run_watchers", "language")
