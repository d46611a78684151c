"""play counts

Where a data set holds play counts nobody gave stars, so none can be predicted: recommendations.predicted_stars may be
null. The catalogue says what its titles are, so that the chat need not call artists films. The previous release runs
beside it, as long as the data set has stars.
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
    # On SQLite the table is written anew; without these words it would be one with row ids.
    with op.batch_alter_table("recommendations", table_kwargs={"sqlite_with_rowid": False}) as table:
        table.alter_column("predicted_stars", existing_type=sa.Float(), nullable=True)


def downgrade() -> None:
    op.execute("DELETE FROM recommendations WHERE predicted_stars IS NULL")
    with op.batch_alter_table("recommendations", table_kwargs={"sqlite_with_rowid": False}) as table:
        table.alter_column("predicted_stars", existing_type=sa.Float(), nullable=False)
    with op.batch_alter_table("catalogue") as table:
        table.drop_column("kind")
