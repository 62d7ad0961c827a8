"""A small transformer for reviews that hashed words alone judge badly."""

from __future__ import annotations

from resources.nlp.deep.model import DeepModel, MissingDeepModelError, Mixture, clearness_of

__all__ = ["DeepModel", "MissingDeepModelError", "Mixture", "clearness_of"]
