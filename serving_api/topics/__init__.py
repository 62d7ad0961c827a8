"""What reviews speak of: how often, with which sentiment, and how that has changed lately."""
