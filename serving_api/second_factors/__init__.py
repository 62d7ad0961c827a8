"""The second factor: codes that change every half minute, and recovery codes.

Setting one up and taking it away ask for the password again; both are events, and told by mail.
"""
