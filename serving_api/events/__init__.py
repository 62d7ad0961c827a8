"""What has happened in a tenant: read from any place on, and heard of at once.

Every change is told in the tenant's chain of events (``resources.database.event_records``). Here it
is shown in the shape of CloudEvents 1.0, in pages and as a stream.
"""
