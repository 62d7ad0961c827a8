"""What a tenant's reviews are annotated with, and the annotation of its days.

Here the database and the lake meet ``resources.nlp``, which knows nothing of either.
"""
