"""What the graph did for a tenant, day by day, and how fresh its numbers are. From the ledger."""
