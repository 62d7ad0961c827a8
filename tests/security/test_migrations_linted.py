"""Every migration, rendered as SQL and read by squawk: what it would lock, break or rewrite."""

from __future__ import annotations

import io
import json
import subprocess
import sysconfig
from pathlib import Path

import pytest
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.dialects import postgresql

from resources.database import migrations

# Rules that do not apply, each with its reason.
NOT_APPLIED = {
    "prefer-bigint-over-int": "revisions and attempts never come near two thousand million",
    "prefer-identity": "keys are random or natural; a position is an identity column already",
    "prefer-robust-stmts": "each revision is one transaction: it is applied whole or not at all",
    "require-concurrent-index-creation": "not possible in a transaction; the installation stands "
    "still while it migrates, and tables of reviews are in the lake, not here",
    "require-concurrent-index-deletion": "as for their creation",
    "require-statement-timeout": "a large table may take its time; who waits for a lock gives up",
    "constraint-missing-not-valid": "the installation stands still while it migrates",
    "disallowed-unique-constraint": "as for constraints",
    "adding-foreign-key-constraint": "as for constraints",
    "renaming-column": "no other release works on the tables while they migrate",
    "renaming-table": "as for columns",
    "ban-drop-column": "as for columns; an older home is migrated before it is used",
    "ban-drop-table": "as for columns",
    "ban-drop-constraint": "as for columns",
    "ban-drop-not-null": "as for columns",
    "changing-column-type": "the installation stands still while it migrates",
    "adding-required-field": "the installation stands still while it migrates",
    "adding-field-with-default": "constant defaults rewrite no table since PostgreSQL 11",
    "require-table-schema": "opt-in; a test of the catalogue holds every table to our schema",
}
# What single revisions do on purpose, each with its reason.
MEANT = {
    "0011": {"adding-not-nullable-field": "each event was just given what may not be null"},
}
# Revisions that are not read, each with its reason.
NOT_READ = {"0012": "it executes the queue library's own schema, which is that library's to check"}
SQUAWK = Path(sysconfig.get_path("scripts")) / "squawk"


def revisions():
    config = migrations._config(None)
    scripts = ScriptDirectory.from_config(config)
    found = [one for one in scripts.walk_revisions() if one.revision not in NOT_READ]
    return sorted(found, key=lambda revision: revision.revision)


def rendered(revision) -> str:
    """What a revision would execute, as a script."""
    script = io.StringIO()
    context = MigrationContext.configure(
        dialect=postgresql.dialect(),
        opts={"as_sql": True, "output_buffer": script, "literal_binds": True},
    )
    with Operations.context(context):
        revision.module.upgrade()
    return f"set lock_timeout = '{migrations._LOCK_TIMEOUT}';\n{script.getvalue()}"  # as `upgrade`


def lint(sql: str, *options: str):
    done = subprocess.run(
        [SQUAWK, "--reporter", "json", "--pg-version", "15", "--assume-in-transaction", *options],
        input=sql, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("revision", revisions(), ids=lambda one: one.revision)
def test_a_migration_breaks_no_rule_that_applies(revision):
    sql = rendered(revision)
    assert sql.strip()
    accepted = {*NOT_APPLIED, *MEANT.get(revision.revision, {})}
    findings = [one for one in lint(sql) if one["rule_name"] not in accepted]
    told = [f"{one['rule_name']}: {one['message']}" for one in findings]
    assert not told, told


def test_the_linter_finds_what_it_is_there_for():
    bad = "update t set a = 1; create table t (a char(3)); alter table t alter a set not null;"
    assert {"ban-char-field", "adding-not-nullable-field"} & {one["rule_name"] for one in lint(bad)}
