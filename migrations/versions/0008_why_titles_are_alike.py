"""why titles are alike

Each similar title gets its evidence: how many times as many people as by chance like both films, and a tag of both.
Both may be null, and the previous release neither reads nor writes them, so it runs beside this.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("similar_movies", sa.Column("times_chance", sa.Double(), nullable=True))
    op.add_column("similar_movies", sa.Column("shared_tag", sa.String(length=64), nullable=True))


def downgrade() -> None:
    op.drop_column("similar_movies", "shared_tag")
    op.drop_column("similar_movies", "times_chance")
