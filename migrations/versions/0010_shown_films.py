"""shown films

The films that each model showed people, kept for 90 days, so that an admin sees how many of them were rated later, and
how well. The previous release runs beside it and notes nothing.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shown_films",
        sa.Column("user_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("model_version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("movie_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("shown_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_shown_films_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "model_version", "movie_id", name=op.f("pk_shown_films")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_shown_films_shown_at", "shown_films", ["shown_at"])


def downgrade() -> None:
    op.drop_table("shown_films")
