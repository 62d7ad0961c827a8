"""The phrase banks, one JSON file per language; their format is described in ``phrases``.

Only data belongs here. A new language is a new file and its code in ``phrases.LANGUAGES``.
"""
