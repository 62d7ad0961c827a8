"""The numbers of a tenant: summaries, series, topics, ratings.

Numbers come from the published marts and are not computed anew here, apart from adding days up to
weeks and months. Every figure says how many reviews it rests on and links to them.
"""
