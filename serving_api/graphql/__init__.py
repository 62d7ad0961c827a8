"""GraphQL over the same services: what a page needs of a tenant, in one request.

It reads and changes nothing. Its types are the shapes of the REST slices (``shapes``), its fields
ask for the same permissions, and what a document may ask for is measured before anything of it is
done (``limits``).
"""
