"""Where rows and files lie: the lake's tables, the object store, and the tenants' snapshots.

Belongs here: Delta tables and their schemas, files by content-addressed key, immutable snapshot
folders and how they are read. Does not belong here: what the rows mean, and records about them,
which are PostgreSQL's (``resources.database``).
"""
