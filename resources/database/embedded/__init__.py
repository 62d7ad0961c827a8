"""The PostgreSQL server that runs when no database is configured, from a wheel.

Written by hand: the wheel's own ``get_server`` listens on a socket only, leaks process ids of
killed clients and raises when its server was killed. Here belongs the life of the server process;
what is in the database belongs to the modules beside this folder.
"""
