"""What a tenant chose for itself, and who changed it."""
