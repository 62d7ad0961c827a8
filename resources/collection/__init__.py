"""Reviews as received: every way in ends as rows of ``raw_reviews``.

Belongs here: vendors' clients (``dataforseo``), files (``importing``), and the count of what a day
holds (``day_totals``). Does not belong here: what a rating or a date means, which is decided in
``resources.reviews``.
"""
