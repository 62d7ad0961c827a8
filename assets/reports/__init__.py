"""Documents for people, made from a published snapshot and kept under content-addressed names."""
