"""Finding a plug-in's model on this machine, naming its version, reading it once per process."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, cast

from resources.nlp.plugins.contract import (
    EmbeddingPlugin,
    EntityPlugin,
    PluginError,
    SentimentPlugin,
    ZeroShotPlugin,
    required,
)
from resources.nlp.plugins.spec import Engine, PluginSpec, Task

_CACHED_PLUGINS = 8
_HASH_LENGTH = 10
_SHOWN_CHARACTERS = 200
# What a model consists of; everything else beside it (papers, pictures) changes no answer.
_MODEL_FILES = ("*.json", "*.txt", "*.model", "*.safetensors", "pytorch_model*.bin")


def load_sentiment(spec: PluginSpec) -> SentimentPlugin:
    """The sentiment plug-in of a setting, loaded when first asked for.

    Raises:
        PluginError: The setting is for another task, a package or the model is missing, or the
            model cannot do this.
    """
    return cast("SentimentPlugin", _load(_for_task(spec, Task.SENTIMENT)))


def load_entities(spec: PluginSpec) -> EntityPlugin:
    """The named-entity plug-in of a setting; raises as ``load_sentiment`` does."""
    return cast("EntityPlugin", _load(_for_task(spec, Task.NER)))


def load_zero_shot(spec: PluginSpec) -> ZeroShotPlugin:
    """The zero-shot plug-in of a setting; raises as ``load_sentiment`` does."""
    return cast("ZeroShotPlugin", _load(_for_task(spec, Task.ZERO_SHOT)))


def load_embeddings(spec: PluginSpec) -> EmbeddingPlugin:
    """The embedding plug-in of a setting; raises as ``load_sentiment`` does."""
    return cast("EmbeddingPlugin", _load(_for_task(spec, Task.EMBEDDINGS)))


@lru_cache(maxsize=_CACHED_PLUGINS)
def version_of(spec: PluginSpec) -> str:
    """Name of all that decides what a plug-in answers, without loading it.

    Library, its version and a hash of the model's files and of the setting. The files are read
    once per process: a model that changes in place is seen after a restart.

    Raises:
        PluginError: The library or the model is missing.
    """
    try:
        library = version(str(spec.engine))
    except PackageNotFoundError as error:
        required(str(spec.engine))
        raise PluginError(f"The package {spec.engine} does not tell its version.") from error
    digest = hashlib.sha256(f"{spec.task}\x1f{sorted(spec.options.items())}".encode())
    folder = model_folder(spec)
    _require_model(spec, folder)
    patterns = _MODEL_FILES if spec.engine == Engine.TRANSFORMERS else ("**/*",)
    files = {path for pattern in patterns for path in folder.glob(pattern) if path.is_file()}
    for path in sorted(files):
        digest.update(path.relative_to(folder).as_posix().encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return f"{spec.engine}-{library}-{digest.hexdigest()[:_HASH_LENGTH]}"


def model_folder(spec: PluginSpec) -> Path:
    """The folder that holds a plug-in's model.

    Raises:
        PluginError: There is none on this machine.
    """
    folder = Path(spec.model).expanduser()
    if folder.is_dir():
        return folder
    if spec.engine == Engine.SPACY:
        return _installed_pipeline(spec)
    return _cached_model(spec)


def _require_model(spec: PluginSpec, folder: Path) -> None:
    """Check that a folder holds a model before its files are read.

    Raises:
        PluginError: It does not.
    """
    wanted = "config.json" if spec.engine == Engine.TRANSFORMERS else "config.cfg"
    if not (folder / wanted).is_file():
        raise PluginError(
            f"The folder {spec.model} holds no {spec.engine} model: {wanted} is missing. Give the "
            "folder that the model was saved to."
        )


@lru_cache(maxsize=_CACHED_PLUGINS)
def _load(spec: PluginSpec) -> Any:
    folder = model_folder(spec)
    _require_model(spec, folder)
    try:
        if spec.engine == Engine.SPACY:
            from resources.nlp.plugins import spacy_engine

            return spacy_engine.build(spec, folder)
        from resources.nlp.plugins import transformers_engine

        return transformers_engine.build(spec, folder)
    except PluginError:
        raise
    except Exception as error:
        raise PluginError(
            f"The {spec.task} plug-in {spec.model} does not load ({type(error).__name__}: "
            f"{str(error)[:_SHOWN_CHARACTERS]}). Save the model anew in a form that this version "
            f"of {spec.engine} reads."
        ) from error


def require(spec: PluginSpec) -> None:
    """Load a plug-in now, so that a fault shows where it is set up and not where it is used.

    Raises:
        PluginError: It does not load.
    """
    version_of(spec)
    _load(spec)


def _for_task(spec: PluginSpec, task: Task) -> PluginSpec:
    if spec.task != task:
        raise PluginError(
            f"The plug-in {spec.model} is set up for {spec.task}; {task} needs one of its own."
        )
    return spec


def _installed_pipeline(spec: PluginSpec) -> Path:
    # Only packages that call themselves pipelines: any other name would be imported as a module.
    spacy = required("spacy")
    if spec.model not in spacy.util.get_installed_models():
        raise PluginError(
            f"There is no folder {spec.model} and no installed spaCy pipeline of that name. "
            f"Install it (python -m spacy download {spec.model}) or give the folder of one."
        )
    package = Path(spacy.util.get_package_path(spec.model))
    found = sorted(package.glob("*/config.cfg"))
    return found[0].parent if found else package


def _cached_model(spec: PluginSpec) -> Path:
    hub = required("huggingface_hub")
    allowed = bool(spec.options.get("allow_download"))
    try:
        found = hub.snapshot_download(
            spec.model,
            revision=spec.options.get("revision"),
            local_files_only=not allowed,
            allow_patterns=list(_MODEL_FILES),
        )
    except Exception as error:  # the hub's library has many errors of its own
        remedy = (
            "Check the name and the connection."
            if allowed
            else "Give the folder of a model, or set the option allow_download to true once."
        )
        raise PluginError(
            f"There is no folder {spec.model} and no model of that name in the cache of this "
            f"machine. {remedy}"
        ) from error
    return Path(found)
