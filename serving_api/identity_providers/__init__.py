"""A tenant's identity providers: naming them.

Logging in at them is the slice ``single_sign_on``.
"""
