"""A tenant's own training belongs to the core install: it asks for no package of an extra."""

from __future__ import annotations

import subprocess
import sys

import pytest

from resources.settings import PROJECT_ROOT

# Import names of what the extras `baselines`, `plugins` and `training` install, and PyTorch.
EXTRAS = (
    "onnx", "py3langid", "spacy", "textblob", "torch", "transformers", "vaderSentiment",
)  # fmt: skip
WITHOUT_EXTRAS = f"""
import importlib, sys

for name in {EXTRAS!r}:
    sys.modules[name] = None  # Python's own way to say: this cannot be imported
for name in sys.argv[1:]:
    importlib.import_module(name)
"""


def import_without_extras(*modules):
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_EXTRAS, *modules],
        check=False,
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.parametrize("module", ["pipelines.training", "pipelines.evaluation"])
def test_a_tenant_s_own_models_need_no_extra(module):
    done = import_without_extras(
        module,
        "resources.training.adaptation",
        "resources.training.own_models",
        "resources.training.optimiser",
        "resources.training.aspect_mining",
        "resources.nlp.annotating",
    )

    assert done.returncode == 0, done.stderr[-2000:]


def test_what_makes_the_deep_model_needs_an_extra():
    done = import_without_extras("torch")

    assert done.returncode != 0
    assert "ModuleNotFoundError" in done.stderr
