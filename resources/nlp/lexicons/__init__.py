"""Word lists written for this project: opinions, topics, stop words. Data, no code."""
