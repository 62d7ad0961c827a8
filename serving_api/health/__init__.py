"""Whether the API is alive and whether it can do its work, for whoever runs it."""
