"""Reviews as received: every way in ends as rows of ``raw_reviews``.

Belongs here: what a collector is (``port``), where everything that collectors bring lands
(``arrivals``), vendors' clients (``dataforseo``), files (``importing``), and the count of what a
day holds (``day_totals``). Does not belong here: what a rating or a date means, which is decided in
``resources.reviews``.
"""
