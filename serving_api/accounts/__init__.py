"""Accounts that people make and change themselves: address, password, and proving both.

What a stranger asks for is answered alike whether or not there is such an account; the owner of the
address reads the difference in the mail. Every change to how one logs in asks for the password
again, ends the other sessions, and is told by mail.
"""
