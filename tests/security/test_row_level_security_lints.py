"""What splinter, a linter of PostgreSQL, asks of row-level security, asked of our catalogue.

The questions are splinter's, the words are ours. Each query names what is wrong, so an empty answer
is right; a second test breaks the rule on purpose and must be told so.
"""

from __future__ import annotations

import pytest
from sqlalchemy import NullPool, create_engine, text

# Questions that do not apply here, each with its reason.
NOT_APPLIED = {
    "auth_users_exposed": "there is no schema `auth`: users are a table of ours, behind the wall",
    "auth_rls_initplan": "asked in test_row_level_security: every policy reads settings in a query",
    "unused_index": "asks for statistics of a busy server; a test's has none",
    "table_bloat": "as for unused indexes",
    "auth_allow_anonymous_sign_ins": "a setting of a service that we do not use",
    "rls_references_user_metadata": "no policy reads a token: it reads settings that the unit of "
    "work makes",
    "insecure_queue_exposed_in_api": "no table is reached from outside but through the API",
    "foreign_table_in_api": "asked below as a kind of relation that must not be there",
    "extension_versions_outdated": "no extension is installed, which is asked below",
    "fkey_to_auth_unique": "there is no schema `auth`",
    "sensitive_columns_exposed": "no table is reached from outside but through the API, whose "
    "answers are held to the OpenAPI document",
}

# What is so on purpose, each with its reason.
MEANT = {
    "reviewgraph.events reviewgraph_app *": "a user's events outside of any tenant are written by "
    "a policy of their own",
    "reviewgraph.pk_tenant_domains": "a domain of the Internet is one tenant's or another's",
    "reviewgraph.pk_provider_attempts": "the hash of a random state tells of nobody",
}

OURS = "n.nspname = 'reviewgraph'"
LINTS = {
    "unindexed_foreign_keys": (
        f"""select c.conrelid::regclass::text || '.' || c.conname
        from pg_constraint c join pg_namespace n on n.oid = c.connamespace
        where c.contype = 'f' and {OURS} and not exists (
            select from pg_index i where i.indrelid = c.conrelid
            and (i.indkey::smallint[])[0:cardinality(c.conkey) - 1] @> c.conkey
            or i.indrelid = c.conrelid and i.indkey[0] = c.conkey[1] and cardinality(c.conkey) > 1
        )""",
        "create table reviewgraph.bad (id int primary key, b text references reviewgraph.tenants)",
    ),
    "no_primary_key": (
        f"""select c.oid::regclass::text from pg_class c join pg_namespace n
        on n.oid = c.relnamespace where {OURS} and c.relkind in ('r', 'p') and not exists (
            select from pg_constraint k where k.conrelid = c.oid and k.contype = 'p')""",
        "create table reviewgraph.bad (id int)",
    ),
    "rls_disabled": (
        f"""select c.oid::regclass::text from pg_class c join pg_namespace n
        on n.oid = c.relnamespace where {OURS} and c.relkind in ('r', 'p')
        and c.relname <> 'alembic_version' and not (c.relrowsecurity and c.relforcerowsecurity)""",
        "create table reviewgraph.bad (id int primary key)",
    ),
    "policy_exists_rls_disabled": (
        f"""select distinct c.oid::regclass::text from pg_policy p join pg_class c
        on c.oid = p.polrelid join pg_namespace n on n.oid = c.relnamespace
        where {OURS} and not c.relrowsecurity""",
        "alter table reviewgraph.sources disable row level security",
    ),
    "rls_enabled_no_policy": (
        f"""select c.oid::regclass::text from pg_class c join pg_namespace n
        on n.oid = c.relnamespace where {OURS} and c.relrowsecurity
        and not exists (select from pg_policy p where p.polrelid = c.oid)""",
        (
            "create table reviewgraph.bad (id int primary key);"
            "alter table reviewgraph.bad enable row level security"
        ),
    ),
    # Several that let in at once are combined with OR: each is one more thing to understand.
    "multiple_permissive_policies": (
        f"""select c.oid::regclass::text || ' ' || r.rolname || ' ' || p.polcmd::text
        from pg_policy p join pg_class c on c.oid = p.polrelid
        join pg_namespace n on n.oid = c.relnamespace join pg_roles r on r.oid = any(p.polroles)
        where {OURS} and p.polpermissive group by c.oid, r.rolname, p.polcmd having count(*) > 1""",
        "create policy more on reviewgraph.sources to reviewgraph_app using (true)",
    ),
    "permissive_policy_always_true": (
        f"""select c.oid::regclass::text || ' ' || p.polname from pg_policy p
        join pg_class c on c.oid = p.polrelid join pg_namespace n on n.oid = c.relnamespace
        join pg_roles r on r.oid = any(p.polroles)
        where {OURS} and r.rolname <> 'reviewgraph_jobs' and (
            pg_get_expr(p.polqual, p.polrelid) = 'true'
            or pg_get_expr(p.polwithcheck, p.polrelid) = 'true')""",
        "create policy open on reviewgraph.sources for delete to reviewgraph_app using (true)",
    ),
    "policy_for_everybody": (
        f"""select c.oid::regclass::text || ' ' || p.polname from pg_policy p
        join pg_class c on c.oid = p.polrelid join pg_namespace n on n.oid = c.relnamespace
        where {OURS} and 0 = any(p.polroles)""",
        "create policy anybody on reviewgraph.sources using (tenant_id = 'acme')",
    ),
    "duplicate_index": (
        f"""select min(i.indexrelid::regclass::text) from pg_index i join pg_class c
        on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace where {OURS}
        group by i.indrelid, i.indkey::text, coalesce(pg_get_expr(i.indpred, i.indrelid), ''),
        coalesce(pg_get_expr(i.indexprs, i.indrelid), '') having count(*) > 1""",
        "create index twice on reviewgraph.sources (tenant_id, name)",
    ),
    "security_definer_view": (
        f"""select c.oid::regclass::text from pg_class c join pg_namespace n
        on n.oid = c.relnamespace where {OURS} and c.relkind = 'v'
        and not coalesce(c.reloptions @> '{{security_invoker=true}}', false)""",
        "create view reviewgraph.bad as select * from reviewgraph.sources",
    ),
    "relation_that_has_no_wall": (
        f"""select c.oid::regclass::text from pg_class c join pg_namespace n
        on n.oid = c.relnamespace where {OURS} and c.relkind in ('m', 'f')""",
        "create materialized view reviewgraph.bad as select 1",
    ),
    "function_as_its_owner": (
        f"""select p.oid::regprocedure::text from pg_proc p join pg_namespace n
        on n.oid = p.pronamespace where {OURS} and p.prosecdef
        and not coalesce(array_to_string(p.proconfig, ' ') like '%search_path=%', false)""",
        "create function reviewgraph.bad() returns int language sql security definer as 'select 1'",
    ),
    "extension_in_our_schemas": (
        """select e.extname from pg_extension e join pg_namespace n on n.oid = e.extnamespace
        where n.nspname in ('public', 'reviewgraph')""",
        None,  # which extensions there are to install is the server's affair
    ),
    "unsupported_reg_types": (
        f"""select c.oid::regclass::text || '.' || a.attname from pg_attribute a
        join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
        where {OURS} and c.relkind = 'r' and a.attnum > 0 and a.atttypid::regtype::text
        in ('regcollation', 'regconfig', 'regdictionary', 'regnamespace', 'regoper',
            'regoperator', 'regproc', 'regprocedure')""",
        "create table reviewgraph.bad (id int primary key, f regproc)",
    ),
    # Not splinter's, and of the same kind: what is unique for all tenants tells one of another's.
    "unique_across_tenants": (
        f"""select i.indexrelid::regclass::text from pg_index i join pg_class c
        on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace
        join pg_attribute t on t.attrelid = c.oid and t.attname = 'tenant_id' and t.attnotnull
        where {OURS} and i.indisunique and not t.attnum = any(i.indkey)
        and not (i.indnatts = 1 and exists (
            select from pg_attribute a where a.attrelid = c.oid and a.attnum = i.indkey[0]
            and a.atttypid in ('uuid'::regtype, 'bigint'::regtype)))""",
        "create unique index bad on reviewgraph.sources (name)",
    ),
}


@pytest.fixture
def owner(module_database):
    """A connection of the owner whose changes are taken back."""
    engine = create_engine(module_database.owner_url, poolclass=NullPool)
    with engine.connect() as connection:
        yield connection
        connection.rollback()


@pytest.mark.parametrize("name", LINTS)
def test_the_catalogue_gives_no_reason_to_complain(owner, name):
    found = set(owner.execute(text(LINTS[name][0])).scalars())
    assert found - set(MEANT) == set()


@pytest.mark.parametrize("name", [name for name, (_, breach) in LINTS.items() if breach])
def test_a_breach_would_be_found(owner, name):
    query, breach = LINTS[name]
    owner.exec_driver_sql(breach)
    assert set(owner.execute(text(query)).scalars()) - set(MEANT)
