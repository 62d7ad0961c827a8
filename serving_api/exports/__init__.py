"""Archives of everything that a tenant has."""
