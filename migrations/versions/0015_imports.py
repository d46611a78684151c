"""imports

An import keeps the dates of its file, also when it is taken back and done again, and what it marks as seen or puts on
the watchlist is taken back with its ratings. The previous release runs beside it and leaves both columns null.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rating_events", sa.Column("rated_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("dismissals", sa.Column("import_number", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("dismissals", "import_number")
    op.drop_column("rating_events", "rated_at")
