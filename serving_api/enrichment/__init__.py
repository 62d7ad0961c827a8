"""What a tenant's reviews are annotated with: its topics, its aspects, its models.

A change shows in the annotations after the next run of a day, and in analyses at once.
"""
