"""Files that customers bring: from CSV, TSV, JSON, JSON lines, XLSX or Parquet to ``raw_reviews``.

Here belong opening and unpacking files, finding out what their columns mean (``plan``), and landing
their records as they came (``landing``). What a rating or a date means, which record repeats
another and which cannot be used is decided in :mod:`resources.reviews`; what comes from services
over the network is collected beside this package.
"""

from resources.collection.importing.column_names import FIELDS
from resources.collection.importing.columns import ColumnGuess
from resources.collection.importing.errors import ImportFileError, NotReviewsError
from resources.collection.importing.landing import LandedBatch, LandingReport, Progress, land
from resources.collection.importing.limits import DEFAULT_LIMITS, Limits
from resources.collection.importing.plan import ImportPlan, plan_import

__all__ = [
    "DEFAULT_LIMITS",
    "FIELDS",
    "ColumnGuess",
    "ImportFileError",
    "ImportPlan",
    "LandedBatch",
    "LandingReport",
    "Limits",
    "NotReviewsError",
    "Progress",
    "land",
    "plan_import",
]
