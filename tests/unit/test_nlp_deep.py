"""The transformer of the deep tier: a tiny one is built, trained, exported, loaded and measured."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import polars as pl
import pytest

from resources.evaluation.benchmarks import Benchmark
from resources.nlp.deep import DeepModel, MissingDeepModelError, Mixture
from resources.nlp.deep.model import MIXTURE_FILE, NETWORK_FILE, TOKENIZER_FILE
from resources.nlp.hashing import FeatureSpec
from resources.nlp.linear import softmax
from resources.training.deep import (
    Stage,
    stage_examples,
    tokenised,
    train_network,
    write_network,
)
from resources.training.deep_examples import (
    compose_reviews,
    draw_examples,
    hold_out,
    numbered,
)
from resources.training.deep_export import keep_common_tokens
from resources.training.deep_mixture import fit_mixture, measure_tiers
from resources.training.generated import generate_opinions
from resources.training.optimiser import Schedule
from resources.training.sentiments import train_sentiment
from resources.training.transformer import FineTuning, predict

torch = pytest.importorskip("torch", reason="training a transformer needs torch")
pytest.importorskip("transformers", reason="training a transformer needs transformers")
pytest.importorskip("onnx", reason="exporting a transformer needs onnx")
pytest.importorskip("onnxruntime", reason="running a transformer needs onnxruntime")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
QUICK = Stage(
    {"tiny": 400},
    composed=60,
    plan=FineTuning(
        passes=6,
        tokens=512,
        length=32,
        rate=1e-2,
        frozen_words=False,
        frozen_layers=0,
        half=False,
    ),
)
ODD_TEXTS = ["", " ", "\x00", "\ud800 lone", "😀😀", "好 नमस्ते", "good " * 5_000, "x" * 1_000_000]


def wordpiece(words):
    """A tokenizer.json as BERT has it, one token for each word and letter."""
    letters = sorted({letter for word in words for letter in word})
    pieces = [*letters, *(f"##{letter}" for letter in letters), *words]
    tokens = [*SPECIAL, "[unused0]", "п", *dict.fromkeys(pieces)]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    ends = {
        name: {"id": name, "ids": [vocabulary[name]], "tokens": [name]} for name in SPECIAL[2:4]
    }
    template = [
        {"SpecialToken": {"id": "[CLS]", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}},
        {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
    ]
    added = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return {
        "version": "1.0",
        "truncation": {
            "max_length": 8,
            "strategy": "LongestFirst",
            "stride": 0,
            "direction": "Right",
        },
        "padding": None,
        "added_tokens": [
            {"id": vocabulary[name], "content": name, "special": True, **added} for name in SPECIAL
        ],
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": True,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": template,
            "pair": [*template, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": ends,
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": vocabulary,
        },
    }


@pytest.fixture(scope="module")
def opinions():
    made = generate_opinions(900, seed=1, languages=("en",))
    return made.with_columns(source=pl.lit("tiny"))


@pytest.fixture(scope="module")
def encoder(opinions, tmp_path_factory):
    """A folder as all-MiniLM-L6-v2 comes in: random weights, two layers of 32."""
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("encoder")
    words = opinions["text"].str.to_lowercase().str.extract_all("[a-z]+").explode()
    tokenizer = wordpiece(words.value_counts(sort=True)["text"].to_list()[:600])
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(tokenizer["model"]["vocab"]),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=256,
    )
    BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def trained(opinions, encoder):
    return train_network(opinions, encoder, (QUICK,))


@pytest.fixture(scope="module")
def model(trained, encoder, tmp_path_factory):
    return write_network(trained, encoder, tmp_path_factory.mktemp("deep"))


def weights_hash(network):
    joined = b"".join(weight.detach().numpy().tobytes() for weight in network.parameters())
    return hashlib.sha256(joined).hexdigest()


def test_the_same_seed_trains_the_same_weights_and_writes_the_same_bytes(
    opinions, encoder, trained, model, tmp_path
):
    again = train_network(opinions, encoder, (QUICK,))
    assert weights_hash(again) == weights_hash(trained)
    assert write_network(again, encoder, tmp_path).version == model.version
    other = Stage(QUICK.limits, QUICK.composed, FineTuning(passes=1, half=False, seed=8))
    assert weights_hash(train_network(opinions, encoder, (other,))) != weights_hash(trained)


def test_a_trained_transformer_judges_texts_it_has_not_seen(model):
    unseen = generate_opinions(300, seed=9, languages=("en",)).filter(pl.col("label") != "neutral")
    chances = softmax(model.logits(unseen["text"].to_list()))
    right = (chances[:, 2] > chances[:, 0]) == (unseen["label"] == "positive").to_numpy()
    assert right.mean() > 0.7


def test_the_exported_network_says_what_the_trained_one_says(trained, encoder, model, opinions):
    texts = opinions["text"].head(100).to_list()
    exact = predict(trained, tokenised(texts, json.loads((encoder / "tokenizer.json").read_text())))
    small = model.logits(texts)
    assert np.abs(exact - small).mean() < 0.1 * np.abs(exact).mean()
    assert (exact.argmax(axis=1) == small.argmax(axis=1)).mean() > 0.9


def test_an_answer_does_not_depend_on_the_texts_beside_it(model, opinions):
    texts = [*opinions["text"].head(40), "good " * 300]
    together = model.logits(texts)
    assert np.array_equal(model.logits(texts[::-1])[::-1], together)
    assert np.array_equal(np.concatenate([model.logits([text]) for text in texts]), together)


def test_any_string_has_an_answer(model):
    logits = model.logits(ODD_TEXTS)
    assert logits.shape == (len(ODD_TEXTS), 3)
    assert np.isfinite(logits).all()
    assert model.logits([]).shape == (0, 3)


def test_of_a_long_text_the_beginning_and_the_end_are_read(model):
    first, last = model.mixture.first_tokens, model.mixture.last_tokens
    middle = "good " * 600
    tokens = model.tokens(f"bad {middle} nice")
    assert len(tokens) == first + last
    assert tokens[1] == model.tokens("bad")[1]
    assert tokens[-2:] == model.tokens("nice")[-2:]


def test_a_vocabulary_shrinks_to_its_commonest_latin_tokens(encoder):
    whole = json.loads((encoder / "tokenizer.json").read_text(encoding="utf-8"))
    size = len(whole["model"]["vocab"])
    smaller, kept = keep_common_tokens(whole, size)
    assert len(kept) == size - 2
    assert not {"[unused0]", "п"} & set(smaller["model"]["vocab"])
    few, kept = keep_common_tokens(whole, 80)
    assert list(few["model"]["vocab"].values()) == list(range(80))
    former = {number: token for token, number in whole["model"]["vocab"].items()}
    assert [former[number] for number in kept] == list(few["model"]["vocab"])
    assert tokenised(["good"], few)[0][0] == few["model"]["vocab"]["[CLS]"]


def test_a_missing_file_is_named_with_what_to_do(model, tmp_path):
    for name in (NETWORK_FILE, TOKENIZER_FILE):
        (tmp_path / name).write_bytes((model.folder / name).read_bytes())
    with pytest.raises(MissingDeepModelError, match=rf"{MIXTURE_FILE} in .*Use the tier fast"):
        DeepModel.load(tmp_path)


def test_another_mixture_is_another_version(model, tmp_path):
    for name in (NETWORK_FILE, TOKENIZER_FILE):
        (tmp_path / name).write_bytes((model.folder / name).read_bytes())
    Mixture(deep_weight=1.25, fast_weight=0.75, threshold=0.3).save(tmp_path)
    other = DeepModel.load(tmp_path)
    assert other.mixture == Mixture(deep_weight=1.25, fast_weight=0.75, threshold=0.3)
    assert other.version != model.version


def test_examples_are_drawn_evenly_and_the_held_out_ones_never(opinions):
    kept, held = hold_out(opinions)
    assert 0.05 < held.height / opinions.height < 0.15
    assert not set(kept["text"]) & set(held["text"])
    drawn = draw_examples(opinions, {"tiny": 50}, seed=1)
    assert drawn["label"].value_counts()["count"].to_list() == [50, 50, 50]
    assert drawn.equals(draw_examples(opinions.reverse(), {"tiny": 50}, seed=1))
    assert draw_examples(opinions, {"elsewhere": 50}, seed=1).height == 0


def test_composed_reviews_hold_the_feelings_that_their_label_says():
    words = pl.DataFrame({"text": ["splendid", "awful"], "label": ["positive", "negative"]})
    rows = words.with_columns(language=pl.lit("en"), source=pl.lit("words"))
    composed = compose_reviews(rows, 90, seed=1)
    assert composed.equals(compose_reviews(rows, 90, seed=1))
    for text, label in composed.select("text", "label").iter_rows():
        balance = text.lower().count("splendid") - text.lower().count("awful")
        assert np.sign(balance) == {"negative": -1, "neutral": 0, "positive": 1}[label]
    assert compose_reviews(rows.head(1), 90, seed=1).height == 0


def test_a_stage_mixes_drawn_and_composed_texts(opinions):
    real = opinions.with_columns(source=pl.lit("uci_sentences"))
    examples = stage_examples(real, Stage({"uci_sentences": 10}, composed=9))
    assert sorted(examples["source"].value_counts()["count"].to_list()) == [9, 30]


def test_the_mixture_leans_on_the_model_that_is_right():
    dice = np.random.default_rng(3)
    targets = dice.integers(0, 3, 2_000)
    truth = np.eye(3, dtype=np.float32)[targets] * 1.5
    noise = dice.normal(size=(2, 2_000, 3)).astype(np.float32)
    clearness = dice.random(5_000)
    good = fit_mixture(Mixture(), noise[0], truth + noise[1], targets, clearness)
    useless = fit_mixture(Mixture(), truth + noise[0], noise[1], targets, clearness)
    assert abs(good.fast_weight) < 0.2
    assert good.deep_weight == pytest.approx(1.5, abs=0.2)
    assert useless.deep_weight < 0.2
    assert useless.fast_weight > 1
    assert np.mean(clearness < good.threshold) == pytest.approx(0.2, abs=0.01)


def test_the_mixture_evens_out_a_class_that_is_rarely_told():
    dice = np.random.default_rng(3)
    targets = dice.integers(0, 3, 2_000)
    deep = np.eye(3, dtype=np.float32)[targets] + dice.normal(size=(2_000, 3)).astype(np.float32)
    deep[:, 1] -= 5
    mixture = fit_mixture(Mixture(), np.zeros_like(deep), deep, targets, np.ones(1))
    answers = mixture.probabilities(np.zeros_like(deep), deep).argmax(axis=1)
    assert np.bincount(answers, minlength=3).min() > 500


def test_every_tier_is_measured_on_the_same_rows(opinions, model):
    spec = FeatureSpec(bits=12, word_orders=(1,), character_orders=(3,))
    fast, _ = train_sentiment(opinions, spec=spec, schedule=Schedule(passes=1, rate=0.3))
    some = opinions.head(60)
    benchmark = Benchmark("en tiny", "en", some["text"].to_list(), numbered(some["label"]) - 1)
    figures = measure_tiers(fast, model, [benchmark])
    assert list(figures) == ["fast en tiny", "cascade en tiny", "deep en tiny"]
    shares = [figures[name]["deep_share"] for name in figures]
    assert shares[0] == 0 < shares[1] < shares[2] == 100
    assert len({figures[name]["rows"] for name in figures}) == 1
    assert figures["deep en tiny"]["macro_f1"] > 50
    assert figures["deep en tiny"]["macro_f1_of_three"] > 33


def test_labels_are_numbered_as_the_models_number_them():
    assert numbered(pl.Series(["positive", "negative", "neutral"])).tolist() == [2, 0, 1]
