"""``python -m resources.training DATA_FOLDER``: make the shipped weights anew."""

from resources.training.shipped import main

main()
