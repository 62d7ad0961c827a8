"""The outside world on loopback, so that the whole product runs on a laptop with no account.

Belongs here: counterparts of outside services that answer over HTTP like the originals (DataForSEO
today), and the generator of the sample world they serve. Does not belong here: anything the product
needs to do its work; no module outside ``sandbox`` may depend on it except commands and tests.
"""
