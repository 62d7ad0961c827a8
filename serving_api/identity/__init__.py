"""Logging in, and who one is. Passwords are checked here and nowhere else; tokens are the kit's."""
