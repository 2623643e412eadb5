"""What explains an answer: parameters, the question as it was searched for, model calls, limits that were met."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add to messages what explains an answer; older rows do not know it."""
    op.add_column("messages", sa.Column("parameters", sa.Text(), nullable=True))
    op.add_column("messages", sa.Column("searched_for", sa.Text(), nullable=True))
    op.add_column("messages", sa.Column("model_calls", sa.Integer(), nullable=True))
    op.add_column("messages", sa.Column("retries", sa.Integer(), nullable=True))
    op.add_column("messages", sa.Column("limits_hit", sa.String(length=120), nullable=True))
