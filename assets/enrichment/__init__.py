"""What the reviews say: language, sentiment, topics, entities and keywords of every version.

The engine is ``resources.nlp``; here is the table it fills and the gate behind it.
"""
