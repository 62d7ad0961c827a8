"""One module per change to the tables, in the order of their dates."""
