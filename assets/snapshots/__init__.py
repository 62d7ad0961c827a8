"""What a tenant can read: one immutable folder of Parquet files per tenant and content version."""
