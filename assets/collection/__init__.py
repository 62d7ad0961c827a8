"""Reviews as received: what the sources sent, kept as it came.

Asking a vendor and landing files belong to ``resources`` (``dataforseo``, ``importing``); deciding
what a record means belongs to the next stage, ``assets.reviews``.
"""
