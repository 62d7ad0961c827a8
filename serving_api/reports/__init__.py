"""Reports: listing and downloading the written ones, asking for another.

Asking only writes a row; the graph picks it up, writes the report and registers its files. Nothing
here makes a report.
"""
