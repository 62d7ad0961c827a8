"""Text in, annotations out: language, sentiment, topics, keywords, entities.

What belongs here understands text. It knows nothing of Dagster, tenants' storage or HTTP, and it
needs no model hub: weights and word lists lie in ``models`` and ``lexicons``, and ``training``
makes the weights again from public data sets.

How a review passes: ``engine.annotate`` -> ``language`` -> ``sentiment`` (by ``clauses``) ->
``keywords`` -> ``topics`` and ``entities`` (by ``matching``). ``hashing`` turns texts into
features, ``linear`` scores them, ``pool`` spreads the work over cores.
"""
