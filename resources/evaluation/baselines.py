"""Other people's tools on the same rows, from the extra ``baselines``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any

from resources.errors import ReviewGraphError, WrongUsageError


class BaselineError(ReviewGraphError):
    """A baseline that is unknown, does another task, or is not installed."""


class UnknownBaselineError(BaselineError, WrongUsageError):
    """No baseline of that name does the task."""


@dataclass(frozen=True)
class SentimentBaseline:
    """A tool that gives a text a score.

    Attributes:
        name: What ``--against`` calls it.
        package: What to install for it.
        module: What it is imported as.
        neutral_band: Scores up to this far from 0 mean neutral, by its authors' advice.
        scorer: Its module -> text -> score, -1..1.
    """

    name: str
    package: str
    module: str
    neutral_band: float
    scorer: Callable[[Any], Callable[[str], float]]

    def scores(self, texts: Sequence[str]) -> list[float]:
        """Score texts, each -1..1."""
        score = _scorer(self)
        return [score(text) for text in texts]


@dataclass(frozen=True)
class LanguageBaseline:
    """A tool that names the language of a text.

    Attributes:
        name: What ``--against`` calls it.
        package: What to install for it.
        module: What it is imported as.
        detector: Its module -> text -> ISO 639-1 code and probability.
    """

    name: str
    package: str
    module: str
    detector: Callable[[Any], Callable[[str], tuple[str, float]]]

    def languages(self, texts: Sequence[str]) -> list[tuple[str, float]]:
        """Code and probability of each text."""
        detect = _detector(self)
        return [detect(text) for text in texts]


def _vader(module: Any) -> Callable[[str], float]:
    analyser = module.SentimentIntensityAnalyzer()
    return lambda text: float(analyser.polarity_scores(text)["compound"])


def _textblob(module: Any) -> Callable[[str], float]:
    return lambda text: float(module.TextBlob(text).sentiment.polarity)


def _py3langid(module: Any) -> Callable[[str], tuple[str, float]]:
    identifier = module.LanguageIdentifier.from_model_file(module.MODEL_FILE, norm_probs=True)

    def detect(text: str) -> tuple[str, float]:
        code, chance = identifier.classify(text)
        return str(code), float(chance)

    return detect


SENTIMENT_BASELINES = {
    baseline.name: baseline
    for baseline in (
        SentimentBaseline("vader", "vaderSentiment", "vaderSentiment.vaderSentiment", 0.05, _vader),
        SentimentBaseline("textblob", "textblob", "textblob", 0.0, _textblob),
    )
}
LANGUAGE_BASELINES = {
    baseline.name: baseline
    for baseline in (LanguageBaseline("py3langid", "py3langid", "py3langid.langid", _py3langid),)
}
_OF_TASK: dict[str, dict[str, Any]] = {
    "sentiment": SENTIMENT_BASELINES,
    "language": LANGUAGE_BASELINES,
}


def require_baselines(names: Sequence[str], task: str) -> None:
    """Check that baselines exist, do the task and are installed, before anything is read.

    Raises:
        BaselineError: One does not, or is not.
    """
    known = _OF_TASK.get(task, {})
    for name in names:
        if name not in known:
            choice = f"There are: {', '.join(known)}." if known else "There is none for this task."
            raise UnknownBaselineError(f"{name!r} is no baseline for {task}. {choice}")
        _module(known[name])


def _module(baseline: SentimentBaseline | LanguageBaseline) -> Any:
    try:
        return import_module(baseline.module)
    except ImportError as error:
        raise BaselineError(
            f"The baseline {baseline.name} needs the package {baseline.package}, which is not "
            f"installed. Install it with: pip install {baseline.package}, or all baselines with: "
            "pip install 'reviewgraph[baselines]'."
        ) from error


@lru_cache(maxsize=4)
def _scorer(baseline: SentimentBaseline) -> Callable[[str], float]:
    return baseline.scorer(_module(baseline))


@lru_cache(maxsize=4)
def _detector(baseline: LanguageBaseline) -> Callable[[str], tuple[str, float]]:
    return baseline.detector(_module(baseline))
