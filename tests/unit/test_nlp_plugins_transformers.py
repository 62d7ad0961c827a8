"""``transformers`` plug-ins, with tiny models of random weights that the tests make."""

from __future__ import annotations

import numpy as np
import pytest

from resources.nlp.plugins import (
    Engine,
    PluginError,
    PluginSpec,
    Task,
    load_embeddings,
    load_entities,
    load_sentiment,
    load_zero_shot,
    version_of,
)

torch = pytest.importorskip("torch", reason="torch is not installed")
transformers = pytest.importorskip("transformers", reason="transformers is not installed")

WORDS = "the a room was bed staff good bad anna berlin in from is about review this not very and"
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS.split(), ".", "!", "##s", "##ly"]
POSITIONS = 40
AWKWARD = ["", " \n\t", "😀😀", "\x00\x01\x02", "\ud800", "a\ud800b", "אבג عربي ไทย", "bad " * 3000]
TEXTS = ["the room was good", "bad", "anna from berlin is very good and the bed bad .", *AWKWARD]
CLASSES = {
    "sentiment": ("BertForSequenceClassification", {0: "NEGATIVE", 1: "NEUTRAL", 2: "POSITIVE"}),
    "ner": ("BertForTokenClassification", {0: "O", 1: "B-PER", 2: "I-PER", 3: "B-LOC"}),
    "zero_shot": (
        "BertForSequenceClassification",
        {0: "contradiction", 1: "neutral", 2: "entailment"},
    ),
    "embeddings": ("BertModel", {0: "LABEL_0"}),
}


def save_tokenizer(folder):
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    numbers = {word: number for number, word in enumerate(VOCABULARY)}
    tokenizer = Tokenizer(models.WordPiece(numbers, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    ).save_pretrained(folder)


def save_model(folder, task, seed=7, labels=None):
    torch.manual_seed(seed)
    name, default_labels = CLASSES[task]
    labels = labels or default_labels
    config = transformers.BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=POSITIONS,
        initializer_range=0.5,
        id2label=labels,
        label2id={label: number for number, label in labels.items()},
    )
    getattr(transformers, name)(config).save_pretrained(folder)
    save_tokenizer(folder)
    return str(folder)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    return {task: save_model(root / task, task) for task in CLASSES}


def spec_of(models, task, **options):
    return PluginSpec(Task(task), Engine.TRANSFORMERS, models[task], options)


def test_sentiment_is_a_probability_of_three_polarities(models):
    rows = load_sentiment(spec_of(models, "sentiment")).judge(TEXTS)
    assert rows.shape == (len(TEXTS), 3)
    np.testing.assert_allclose(rows.sum(axis=1), 1, atol=3e-6)
    assert np.ptp(rows, axis=0).min() > 0.01  # it reads the text
    np.testing.assert_allclose(rows[TEXTS.index("")], 1 / 3, atol=1e-6)


def test_sentiment_is_what_the_model_itself_says(models):
    tokenizer = transformers.AutoTokenizer.from_pretrained(models["sentiment"])
    model = transformers.AutoModelForSequenceClassification.from_pretrained(models["sentiment"])
    with torch.inference_mode():
        logits = model.eval()(**tokenizer("the room was good", return_tensors="pt")).logits[0]
    own = load_sentiment(spec_of(models, "sentiment")).judge(["the room was good"])[0]
    np.testing.assert_allclose(own, torch.softmax(logits, -1).numpy(), atol=1e-5)


def test_stars_become_polarities(tmp_path):
    stars = {number: f"{number + 1} star{'s' * (number > 0)}" for number in range(5)}
    folder = save_model(tmp_path / "stars", "sentiment", labels=stars)
    spec = PluginSpec(Task.SENTIMENT, Engine.TRANSFORMERS, folder)
    rows = load_sentiment(spec).judge(["the bed was bad"])
    assert rows.shape == (1, 3)
    assert rows.sum() == pytest.approx(1, abs=3e-6)


def test_labels_without_a_meaning_are_asked_for_when_the_model_is_loaded(tmp_path):
    folder = save_model(tmp_path / "plain", "sentiment", labels={0: "LABEL_0", 1: "LABEL_1"})
    with pytest.raises(PluginError, match="LABEL_0, LABEL_1"):
        load_sentiment(PluginSpec(Task.SENTIMENT, Engine.TRANSFORMERS, folder))
    labels = {"LABEL_0": "negative", "LABEL_1": "positive"}
    spec = PluginSpec(Task.SENTIMENT, Engine.TRANSFORMERS, folder, {"labels": labels})
    assert load_sentiment(spec).judge(["bad"])[0, 1] == 0


@pytest.mark.parametrize("task", list(CLASSES))
def test_an_answer_does_not_depend_on_the_texts_around_it(models, task):
    answer = answerer(models, task)
    together = answer(TEXTS)
    for number, text in enumerate(TEXTS):
        assert np.array_equal(together[number], answer([text])[0])
    backwards = answer(TEXTS[::-1])
    assert all(
        np.array_equal(row, other) for row, other in zip(together, backwards[::-1], strict=True)
    )


def answerer(models, task):
    if task == "sentiment":
        return load_sentiment(spec_of(models, task)).judge
    if task == "ner":
        return load_entities(spec_of(models, task)).find
    if task == "zero_shot":
        plugin = load_zero_shot(spec_of(models, task))
        return lambda texts: plugin.label(texts, ["staff", "bed"])
    return load_embeddings(spec_of(models, task)).embed


def test_entities_stand_where_they_say(models):
    found = load_entities(spec_of(models, "ner")).find(TEXTS)
    assert any(found)
    for text, entities in zip(TEXTS, found, strict=True):
        ends = [0]
        for entity in entities:
            assert entity.text == text[entity.start : entity.end] != ""
            assert entity.kind in {"person", "place"}
            assert entity.start >= ends[-1]
            ends.append(entity.end)


def test_a_tenant_can_rename_and_drop_kinds(models):
    spec = spec_of(models, "ner", labels={"PER": "guest", "LOC": None})
    kinds = {entity.kind for found in load_entities(spec).find(TEXTS) for entity in found}
    assert kinds == {"guest"}


def test_zero_shot_scores_each_name_by_itself(models):
    plugin = load_zero_shot(spec_of(models, "zero_shot", template="this is about {} ."))
    both = plugin.label(TEXTS, ["staff", "bed"])
    assert both.shape == (len(TEXTS), 2)
    assert both.min() >= 0
    assert both.max() <= 1
    assert np.array_equal(both[:, 1:], plugin.label(TEXTS, ["bed"]))
    assert not both[TEXTS.index("")].any()


def test_zero_shot_needs_a_model_of_inference(models):
    spec = PluginSpec(Task.ZERO_SHOT, Engine.TRANSFORMERS, models["sentiment"])
    with pytest.raises(PluginError, match="no entailment and contradiction"):
        load_zero_shot(spec)


@pytest.mark.parametrize("pooling", ["mean", "first"])
def test_embeddings_are_unit_rows(models, pooling):
    rows = load_embeddings(spec_of(models, "embeddings", pooling=pooling)).embed(TEXTS)
    assert rows.dtype == np.float32
    lengths = np.linalg.norm(rows, axis=1)
    is_blank = np.array([not text.strip() for text in TEXTS])
    np.testing.assert_allclose(lengths[~is_blank], 1, atol=1e-5)
    assert not lengths[is_blank].any()


def test_a_prefix_changes_an_embedding(models):
    plain = load_embeddings(spec_of(models, "embeddings")).embed(["bed"])
    prefixed = load_embeddings(spec_of(models, "embeddings", prefix="this is : ")).embed(["bed"])
    assert not np.allclose(plain, prefixed, atol=1e-3)


def test_a_long_text_is_read_beyond_the_first_window(models):
    judge = load_sentiment(spec_of(models, "sentiment")).judge
    opening = "the room was good . " * 20
    assert not np.array_equal(judge([opening])[0], judge([opening + "bad " * 60])[0])


@pytest.mark.parametrize("family", ["Roberta", "DistilBert"])
def test_models_of_other_families_read_long_texts_and_pairs(tmp_path, family):
    torch.manual_seed(5)
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    if family == "DistilBert":
        sizes = {"dim": 32, "n_layers": 1, "n_heads": 2, "hidden_dim": 64}
    config = getattr(transformers, f"{family}Config")(
        vocab_size=len(VOCABULARY),
        max_position_embeddings=34,
        pad_token_id=0,
        id2label={0: "contradiction", 1: "entailment"},
        **({"type_vocab_size": 1} if family == "Roberta" else {}),
        **sizes,
    )
    getattr(transformers, f"{family}ForSequenceClassification")(config).save_pretrained(tmp_path)
    save_tokenizer(tmp_path)
    plugin = load_zero_shot(PluginSpec(Task.ZERO_SHOT, Engine.TRANSFORMERS, str(tmp_path)))
    scores = plugin.label(["bad " * 500, "good"], ["staff"])
    assert scores.shape == (2, 1)
    assert scores[0, 0] != scores[1, 0]


def test_the_version_names_the_library_the_weights_and_the_setting(models, tmp_path):
    spec = spec_of(models, "sentiment")
    version = version_of(spec)
    assert version.startswith(f"transformers-{transformers.__version__}-")
    assert version == version_of(PluginSpec.from_dict(spec.to_dict()))
    other = save_model(tmp_path / "other", "sentiment", seed=8)
    assert version != version_of(PluginSpec(Task.SENTIMENT, Engine.TRANSFORMERS, other))
    assert version != version_of(spec_of(models, "sentiment", max_tokens=16))


def test_a_model_is_read_once(models):
    assert load_sentiment(spec_of(models, "sentiment")) is load_sentiment(
        spec_of(models, "sentiment")
    )


def test_a_folder_without_a_model_says_so(tmp_path):
    with pytest.raises(PluginError, match="holds no transformers model"):
        load_sentiment(PluginSpec(Task.SENTIMENT, Engine.TRANSFORMERS, str(tmp_path)))
