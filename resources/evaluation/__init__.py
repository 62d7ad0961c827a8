"""How good the engine is: labelled sets in, figures beside those of other tools out."""
