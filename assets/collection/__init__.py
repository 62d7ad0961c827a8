"""Reviews as received: what the sources sent, kept as it came.

Asking a source and landing what it sends belong to ``resources.collection``; deciding what a record
means belongs to the next stage, ``assets.reviews``.
"""
