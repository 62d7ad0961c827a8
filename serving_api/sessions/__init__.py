"""Log-ins that last: tokens, their renewal and their end. Who one is, is proved in ``identity``."""
