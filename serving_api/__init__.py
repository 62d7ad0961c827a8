"""Who may see it: the HTTP API over what the graph has materialized.

One folder per domain (``routes``, ``service``, ``schemas``) and ``kit`` for what they share. The
API reads PostgreSQL and published snapshots; it never calls Dagster and never imports ``assets``.
"""
