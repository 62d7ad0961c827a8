"""From raw rows to reviews that can be trusted: normalising, and the gates behind each table.

Belongs here: one schema, stable keys, versions and reasons for rejection (``normalising``), and the
expectations that rows are held against (``quality``). Does not belong here: receiving rows
(``resources.collection``) and what the reviews say (``resources.enrichment``).
"""
