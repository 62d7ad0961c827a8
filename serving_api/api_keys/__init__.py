"""API keys of a tenant: made, listed, revoked."""
