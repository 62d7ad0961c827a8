"""What exists: one folder per stage, in the order a review flows.

``collection`` -> ``reviews`` -> ``enrichment`` -> ``metrics`` -> ``snapshots`` -> ``reports``.
An asset module names partitions, checks and metadata, and calls a function that a test can call
without Dagster. Talking to the world is the business of ``resources``; deciding when to run is the
business of ``pipelines``.
"""
