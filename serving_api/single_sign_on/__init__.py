"""Logging in at a tenant's own identity provider, by OpenID Connect.

A tenant's owner names the provider; the operator says which domains of mail addresses are the
tenant's. Whoever comes by a provider for the first time becomes an existing user only with an
address that is verified there, of such a domain. From then on the user is known by issuer and
subject, whatever the address is there; yet a tenant's provider opens only the accounts whose
address here is of one of the tenant's domains today.

A provider is somebody else's program: nothing that it says is believed beyond its signature, and
whatever it does ends in a refusal in words.
"""
