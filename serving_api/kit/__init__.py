"""What every slice of the API shares: errors, access, units of work, paging, caching, parameters.

A module belongs here when at least two slices need it and it knows no domain: no metric, no review,
no report. Slices import the kit; the kit imports no slice.
"""
