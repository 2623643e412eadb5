"""Beta codes, resume codes, and when a privacy notice was agreed to."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables of codes; add to logins and threads what they now know."""
    op.create_table(
        "codes",
        sa.Column("code_id", sa.String(length=36), nullable=False),
        sa.Column("label", sa.String(length=80), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("wave", sa.String(length=80), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("max_uses", sa.Integer(), nullable=True),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("code_id"),
        sa.UniqueConstraint("fingerprint"),
        sa.UniqueConstraint("label"),
    )
    op.create_table(
        "resume_codes",
        sa.Column("login_id", sa.String(length=36), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("login_id"),
        sa.UniqueConstraint("fingerprint"),
    )
    op.add_column("logins", sa.Column("code_id", sa.String(length=36), nullable=True))
    op.add_column("threads", sa.Column("notice_accepted_at", sa.BigInteger(), nullable=True))
