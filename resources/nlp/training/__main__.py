"""``python -m resources.nlp.training DATA_FOLDER``: make the shipped weights anew."""

from resources.nlp.training.shipped import main

main()
