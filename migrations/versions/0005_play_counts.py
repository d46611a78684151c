"""play counts

A data set of play counts has no stars to predict, so recommendations.predicted_stars may be null. The catalogue names
the kind of its titles, so that the chat does not call artists films. The previous release runs beside it, as long as
the data set has stars.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("catalogue") as table:
        table.add_column(sa.Column("kind", sa.String(length=16), nullable=False, server_default="film"))
    # On SQLite the table is copied; without this option the copy would have row ids.
    with op.batch_alter_table("recommendations", table_kwargs={"sqlite_with_rowid": False}) as table:
        table.alter_column("predicted_stars", existing_type=sa.Float(), nullable=True)


def downgrade() -> None:
    op.execute("DELETE FROM recommendations WHERE predicted_stars IS NULL")
    with op.batch_alter_table("recommendations", table_kwargs={"sqlite_with_rowid": False}) as table:
        table.alter_column("predicted_stars", existing_type=sa.Float(), nullable=False)
    with op.batch_alter_table("catalogue") as table:
        table.drop_column("kind")
