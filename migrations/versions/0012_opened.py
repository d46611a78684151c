"""opened

When people first opened a film that a model showed them (shown_films.opened_at), as sites tell. The previous release
runs beside it and notes nothing.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("shown_films", sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("shown_films", "opened_at")
