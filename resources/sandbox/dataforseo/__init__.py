"""DataForSEO on loopback: HTTP (``service``) over places, tasks and faults (``tasks``)."""

from resources.sandbox.dataforseo.service import REVIEWS, DataForSEOSandbox
from resources.sandbox.dataforseo.tasks import Faults

__all__ = ["REVIEWS", "DataForSEOSandbox", "Faults"]
