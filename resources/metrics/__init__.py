"""Numbers: what the current reviews add up to (``facts``), and the marts (``warehouse``).

The facts are narwhals expressions for any engine; the marts' SQL is in ``dbt_project``.
"""
