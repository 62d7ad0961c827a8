"""The API's own document as a page for people: one HTML page, no script, nothing from elsewhere.

What belongs here is how the document looks. What it says is written at the routes and in
``serving_api.introduction``.
"""
