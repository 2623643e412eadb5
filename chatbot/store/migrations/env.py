"""Run by Alembic: the steps go over the connection that the store handed in."""

from alembic import context

from chatbot.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
