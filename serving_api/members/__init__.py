"""Who belongs to a tenant, who is invited to it, and how an invitation is accepted."""
