"""The brands, places and teams of a tenant."""
