"""What the graph and the API stand on: everything that talks to the world or holds domain logic.

A module belongs here when it can be used without Dagster and without FastAPI: the lake, the
engines, the database, the language models, the report writer, the clients of outside services and
their counterparts in ``sandbox``. Nothing here imports ``assets``, ``pipelines`` or
``serving_api``.
"""
