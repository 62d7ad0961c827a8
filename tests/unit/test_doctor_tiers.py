"""What the doctor says of the tiers of understanding."""

from __future__ import annotations

import pytest

from pipelines.cli import doctor_tiers
from pipelines.cli.doctor_tiers import TierState, examine_tiers, rows_of
from resources.nlp import context
from resources.nlp.deep import DeepModel, MissingDeepModelError


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(doctor_tiers, "_SAMPLE_REVIEWS", 40)
    monkeypatch.setattr(doctor_tiers, "_SECONDS", 0.01)


@pytest.fixture
def without_transformer(monkeypatch):
    def missing(*_):
        raise MissingDeepModelError("There is no transformer. Train one.")

    monkeypatch.setattr(context, "_load_deep", missing)


@pytest.mark.usefixtures("quick", "without_transformer")
def test_a_tier_that_lacks_its_model_says_how_to_get_it_and_the_fast_one_is_measured():
    fast, cascade, deep, plugin = examine_tiers()
    assert (fast.name, fast.state) == ("fast", "ok")
    assert fast.rate > 1
    for tier in (cascade, deep):
        assert (tier.state, tier.rate) == ("optional", None)
        assert tier.details == "There is no transformer. Train one."
    assert (plugin.name, plugin.rate) == ("plugin", None)


@pytest.mark.usefixtures("quick")
def test_a_tier_whose_transformer_is_there_is_measured(monkeypatch):
    import numpy as np

    from resources.nlp.deep import Mixture

    class EveryLanguage(DeepModel):
        def logits(self, texts):
            return np.zeros((len(texts), 3), np.float32)

    model = EveryLanguage(context.SHIPPED_MODELS, Mixture(), "test")
    monkeypatch.setattr(context, "_load_deep", lambda _: model)
    deep = examine_tiers()[2]
    assert (deep.name, deep.state) == ("deep", "ok")
    assert deep.rate > 1


@pytest.mark.usefixtures("quick", "without_transformer")
def test_packages_that_plug_ins_lack_are_named(monkeypatch):
    monkeypatch.setattr(
        doctor_tiers, "find_spec", lambda name: None if name == "spacy" else object()
    )
    plugin = examine_tiers()[3]
    assert plugin.state == "optional"
    assert plugin.details.startswith("spacy not installed")
    assert "pip install" in plugin.details


def test_the_cost_of_a_tier_is_a_multiple_of_the_fast_one():
    rows = rows_of(
        [
            TierState("fast", "ok", 6_000.0, "a"),
            TierState("deep", "ok", 50.0, "b"),
            TierState("plugin", "optional", None, "c"),
        ]
    )
    assert rows == [
        ("fast", "ok", "6,000", "1.0", "a"),
        ("deep", "ok", "50", "120.0", "b"),
        ("plugin", "optional", "", "", "c"),
    ]
