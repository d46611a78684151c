"""languages of runs

A message that shows a run is updated in the language of the admin who asked for it, in groups too. The column may be
null, so the previous release runs beside it; its messages in groups stay English.
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
