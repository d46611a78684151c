"""topics

A group may have topics, and what goes on by itself has to go on in the right one, in the right language: an evening
remembers its topic, and a message that shows a run the language of who asked for it. Both may be null, so the previous
release runs beside it; what it writes stands in the general topic and in English, as before.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


# Not in batches: SQLite can do this as it is, and a table written anew would lose its AUTOINCREMENT.
def upgrade() -> None:
    op.add_column("nights", sa.Column("thread_id", sa.Integer(), nullable=True))
    op.add_column("run_watchers", sa.Column("language", sa.String(length=16), nullable=True))


def downgrade() -> None:
    op.drop_column("run_watchers", "language")
    op.drop_column("nights", "thread_id")
