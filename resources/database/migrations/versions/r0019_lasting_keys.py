"""Keys that outlive the installation's secret, sealed under it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from resources.database.migrations.walls import protect
from resources.database.schema import LASTING_KEYS_SETTING, SCHEMA, current

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; the keys themselves are made with the secret, after the revisions."""
    op.create_table(
        "lasting_keys",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name="pk_lasting_keys"),
        schema=SCHEMA,
    )
    # The API reads them; they are made and changed with the rights of the command line.
    protect("lasting_keys", app_may=["select"], visible=f"{current(LASTING_KEYS_SETTING)} = 'all'")


def downgrade() -> None:
    """Drop the table: what was signed with keys that do not follow from the secret is refused."""
    op.drop_table("lasting_keys", schema=SCHEMA)
