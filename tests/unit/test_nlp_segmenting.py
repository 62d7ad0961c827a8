"""Words and keyphrases: of scripts without spaces, and against a tenant's own statistics."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.nlp.hashing import find_words, scan
from resources.nlp.keywords import KEYWORD_LIMIT, extract_keywords
from resources.nlp.rarity import MODIFIER_BIT, OPINION_WORD, STOP_WORD, Background, word_keys
from resources.nlp.segmenting import is_segmented, segment, segmenter_version
from resources.nlp.unspaced import cut
from resources.nlp.word_classes import english_word_classes
from resources.training.background import tenant_background

EMPTY = Background.of({})
AWKWARD = ["", " \n", "😀😀", "\x00房间\x01", "房\ud800间", "ก" * 5000, "食" * 5000, "abc 123 !!"]
REVIEWS = [
    ("酒店的服务态度很差,早餐也不好吃", "zh"),
    ("バッテリーの持ちが悪く、店員の接客態度も悪い", "ja"),
    ("พนักงานบริการดีมาก แต่อาหารเช้าไม่อร่อย", "th"),
    ("The battery life is short", "en"),
    ("배터리 수명이 짧아요", "ko"),
]


def words_of(text, language):
    return [text[token.start : token.end] for token in segment(text, language)]


def keywords_of(text, language, background=EMPTY):
    return extract_keywords([text], [language], background)[0]


def key_of(word, language="en"):
    words = find_words(scan([word]))
    return int(word_keys(words.hashes, [language], words.pointers)[0])


def segmented_key(word, language):
    return int(cut([word], [language]).keys[0])


def test_unspaced_scripts_are_cut_into_words():
    assert {"酒店", "服务态度", "早餐"} <= set(words_of("酒店的服务态度很差,早餐也不好吃", "zh"))
    assert words_of("食べ物がおいしい。", "ja") == ["食べ物", "が", "おいしい", "。"]
    assert {"พนักงาน", "อาหารเช้า"} <= set(words_of("พนักงานดีแต่อาหารเช้าไม่อร่อย", "th"))


def test_only_nouns_may_be_part_of_a_keyphrase_where_word_classes_are_known():
    for text, language, nouns in (
        ("我喜欢酒店的早餐", "zh", ["酒店", "早餐"]),
        ("私は綺麗な部屋に泊まった", "ja", ["部屋"]),
    ):
        content = [
            text[token.start : token.end] for token in segment(text, language) if token.is_content
        ]
        assert content == nouns


@settings(max_examples=60, deadline=None)
@given(
    st.text(st.sampled_from("房间很好ภาษาไทยก็日本語カメラ食べ物aZ9 .\n\x00\ud800😀ๆ"), max_size=40),
    st.sampled_from(["zh", "ja", "th"]),
)
def test_words_lie_in_the_text_in_order_and_apart(text, language):
    reached = 0
    for token in segment(text, language):
        assert reached <= token.start < token.end <= len(text)
        assert text[token.start : token.end].strip()
        reached = token.end


def test_keyphrases_of_unspaced_scripts_are_words_and_phrases():
    assert keywords_of("酒店的服务态度很差,早餐也不好吃", "zh") == ["酒店", "服务态度", "早餐"]
    thai = Background.of({segmented_key("และ", "th"): STOP_WORD})
    found = keywords_of("バッテリーの持ちが悪く、店員の接客態度も悪い", "ja")
    assert set(found) == {"接客態度", "バッテリー", "店員"}
    assert "อาหารเช้า" in keywords_of("อาหารเช้าและพนักงาน", "th", thai)


def test_stop_words_and_opinion_words_are_in_no_keyphrase():
    values = {segmented_key("早餐", "zh"): STOP_WORD, segmented_key("酒店", "zh"): OPINION_WORD}
    assert keywords_of("酒店和早餐", "zh", Background.of(values)) == []
    assert keywords_of("酒店和早餐", "zh") == ["酒店", "早餐"]


def test_keyphrases_do_not_depend_on_the_reviews_around_them():
    texts = [text for text, _ in REVIEWS] + AWKWARD * 3
    languages = [code for _, code in REVIEWS]
    languages += ["zh"] * len(AWKWARD) + ["ja"] * len(AWKWARD) + ["th"] * len(AWKWARD)
    together = extract_keywords(texts, languages, EMPTY)
    alone = [keywords_of(text, code) for text, code in zip(texts, languages, strict=True)]
    assert together == alone
    assert extract_keywords(texts[::-1], languages[::-1], EMPTY) == together[::-1]
    assert max(map(len, together)) <= KEYWORD_LIMIT


def test_spaced_languages_are_not_segmented():
    assert [code for code in ("zh", "ja", "th", "en", "ko", "vi", "und") if is_segmented(code)] == [
        "zh",
        "ja",
        "th",
    ]


def test_the_segmenters_have_a_version_that_does_not_change_by_itself():
    assert len(segmenter_version()) == 10
    before = segmenter_version()
    segmenter_version.cache_clear()
    assert segmenter_version() == before


def test_segmenting_reads_nothing_but_packages_and_writes_nothing(tmp_path):
    program = (
        "from resources.nlp.segmenting import segment\n"
        "for code in ('zh', 'ja', 'th'): segment('房间 部屋 ห้อง', code)\n"
    )
    subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        check=True,
        cwd=Path(__file__).parents[2],
        env={"HOME": str(tmp_path), "PATH": "", "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert not list(tmp_path.iterdir())


def test_a_phrase_ends_in_no_modifier():
    values = {
        key_of("the"): STOP_WORD,
        key_of("living"): 150 | MODIFIER_BIT,
        key_of("room"): 150,
        key_of("cosy"): 200 | 1,
    }
    background = Background.of(values)
    assert keywords_of("the living room", "en", background) == ["living room"]
    assert keywords_of("cosy", "en", background) == []


def test_a_background_survives_saving(tmp_path):
    path = tmp_path / "background.npz"
    background = Background.of({5: 151, 2**31 - 1: 7, 0: 254})
    background.save(path)
    loaded = Background.load(path)
    keys = np.array([0, 1, 5, 2**31 - 1], np.int32)
    assert loaded.look_up(keys).tolist() == background.look_up(keys).tolist() == [254, 150, 151, 7]
    assert EMPTY.look_up(keys).tolist() == [150] * 4


def test_a_background_without_marks_has_no_modifiers(tmp_path):
    path = tmp_path / "old.npz"
    np.savez_compressed(path, keys=np.array([1, 2, 3], np.int32), values=np.uint8([0, 1, 151]))
    assert Background.load(path).values.tolist() == [0, 1, 150]


@settings(deadline=None)
@given(st.dictionaries(st.integers(0, 2**31 - 1), st.integers(0, 255), max_size=50), st.data())
def test_looking_up_finds_exactly_what_is_held(values, data):
    asked = data.draw(st.lists(st.integers(0, 2**31 - 1), max_size=10)) + list(values)
    found = Background.of(values).look_up(np.array(asked, np.int32)).tolist()
    assert found == [values.get(key, 150) for key in asked]


def test_what_every_review_of_a_tenant_says_ranks_below_what_a_few_say():
    general = Background.of({key_of("hotel"): 180, key_of("sauna"): 180, key_of("the"): STOP_WORD})
    texts = ["the hotel"] * 196 + ["the hotel, the sauna"] * 4
    own = tenant_background(texts, ["en"] * len(texts), general)
    assert keywords_of("the hotel, the sauna", "en", own) == ["sauna", "hotel"]
    assert own.look_up(np.array([key_of("the")], np.int32))[0] == STOP_WORD
    assert own.version != general.version
    assert own.version == tenant_background(texts, ["en"] * len(texts), general).version


def test_a_tenant_background_knows_unspaced_words_and_needs_no_reviews():
    own = tenant_background(["早餐"] * 99 + ["早餐 泳池"] * 2, ["zh"] * 101, EMPTY)
    assert keywords_of("早餐 泳池", "zh", own)[0] == "泳池"
    assert tenant_background([], [], EMPTY).look_up(np.array([1], np.int32))[0] == 150


def test_verbs_and_adjectives_are_told_from_nouns():
    texts = [
        "The zipper is stuck. My zipper was fine. This zipper, really. A zipper and a button.",
        "We asked the staff. I asked for it. They asked me. She asked us.",
        "It was very cosy. So cosy! It is cosy and warm. Really cosy.",
    ] * 2
    stop_words = {"the", "is", "was", "this", "a", "and", "we", "i", "for", "it", "they", "me"}
    classes = english_word_classes(texts, stop_words | {"she", "us", "very", "so", "my", "really"})
    assert "asked" in classes.verbs
    assert "cosy" in classes.modifiers
    assert "zipper" not in classes.verbs | classes.modifiers


@pytest.mark.parametrize("language", ["zh", "ja", "th"])
def test_a_very_long_text_has_keyphrases(language):
    text = {"zh": "酒店早餐。", "ja": "部屋が狭い。", "th": "อาหารเช้าแย่ "}[language] * 50_000
    assert keywords_of(text, language)
