"""The tenants a user belongs to, and what has been published of each."""
