"""What the writers need: forms with types, files made, notes and drafts of assistants, story prompts, templates."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the columns, then the tables."""
    op.add_column("messages", sa.Column("is_personal", sa.Boolean(), nullable=True))
    op.add_column("thread_forms", sa.Column("type", sa.String(length=12), nullable=True))
    op.add_column("assistant_versions", sa.Column("note", sa.Text(), nullable=True))
    _create_generated_files()
    _create_assistant_drafts()
    _create_story_prompts()
    _create_office_templates()


def _create_generated_files() -> None:
    op.create_table(
        "generated_files",
        sa.Column("file_id", sa.String(length=36), nullable=False),
        sa.Column("message_id", sa.String(length=36), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("format", sa.String(length=8), nullable=False),
        sa.Column("template", sa.String(length=80), nullable=True),
        sa.Column("template_version", sa.Integer(), nullable=True),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("is_edited", sa.Boolean(), nullable=False),
        sa.Column("change", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["messages.message_id"]),
        sa.PrimaryKeyConstraint("file_id"),
    )
    op.create_index(op.f("ix_generated_files_change"), "generated_files", ["change"], unique=False)
    op.create_index(op.f("ix_generated_files_message_id"), "generated_files", ["message_id"], unique=False)


def _create_assistant_drafts() -> None:
    op.create_table(
        "assistant_drafts",
        sa.Column("assistant", sa.String(length=80), nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.Column("base_version", sa.Integer(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("assistant"),
    )


def _create_story_prompts() -> None:
    op.create_table(
        "story_prompts",
        sa.Column("prompt_id", sa.String(length=36), nullable=False),
        sa.Column("owner", sa.String(length=120), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=10), nullable=True),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("is_draft", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("prompt_id"),
    )
    op.create_index(op.f("ix_story_prompts_owner"), "story_prompts", ["owner"], unique=False)


def _create_office_templates() -> None:
    op.create_table(
        "office_templates",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=4), nullable=False),
        sa.Column("filename", sa.String(length=200), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name", "version"),
    )
