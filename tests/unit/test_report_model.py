from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from types import SimpleNamespace

import polars as pl
import pytest
import reporting_data
from reporting_data import GENERATED_AT, INCIDENT_MONDAY, Tenant, report_on
from scipy import stats

from resources.nlp.matching import normalise
from resources.nlp.topics import default_taxonomy, label_topics
from resources.reporting import (
    Report,
    ReportHeldError,
    build_report,
    render_html,
)
from resources.reporting.chapters import topics as topics_chapter
from resources.reporting.model import Branding, ChartKind, Grain
from resources.reporting.statistics import Tally, rating_difference, share_difference, wilson
from resources.reporting.style import Palette, contrast
from resources.reporting.wording import clean, shortened, week


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    return reporting_data.publish(tmp_path_factory.mktemp("snapshots"))


@pytest.fixture(scope="module")
def report(snapshot) -> Report:
    return build_report(snapshot, tenant_name="Acme", colour="#0b6e4f", generated_at=GENERATED_AT)


def test_headline_figures_are_those_of_the_reviews(snapshot, report):
    reviews = snapshot.table("reviews")
    understood = reviews.filter(pl.col("sentiment").is_not_null())
    rating = report.figure("average_rating")
    negative = report.figure("negative_share")

    assert report.figure("review_count").value == reviews.height
    assert rating.value == pytest.approx(reviews["rating"].mean())
    assert rating.interval.low < rating.value < rating.interval.high
    half = 1.96 * reviews["rating"].std() / reviews.height**0.5
    assert rating.interval.high - rating.value == pytest.approx(half, rel=0.01)
    assert negative.review_count == understood.height
    assert negative.value == pytest.approx((understood["sentiment"] == "negative").mean())


def test_every_share_and_average_carries_its_interval_and_count(report):
    for figure in report.figures[1:]:
        assert figure.interval is not None
        assert figure.review_count > 0


def test_the_summary_names_what_was_planted(report):
    findings = {finding.claim: finding for finding in report.findings}
    incident = findings[f"The week of {week(INCIDENT_MONDAY)} was an incident"]

    assert "“Delivery”" in incident.evidence
    assert incident.tone == "bad"
    assert findings["“Trail Runner 3” improves"].tone == "good"
    assert findings["“City Rain Jacket” gets worse"].tone == "bad"
    assert "“Quality”" in findings["What people praise"].evidence
    assert "n = " in findings["What people complain about"].evidence


def test_the_topic_named_is_the_one_that_adds_most_reviews_of_its_sentiment(snapshot, report):
    understood = snapshot.table("reviews").filter(pl.col("sentiment").is_not_null())
    findings = {finding.claim: finding.evidence for finding in report.findings}
    for claim, sentiment in (
        ("What people complain about", "negative"),
        ("What people praise", "positive"),
    ):
        such = pl.col("sentiment") == sentiment
        usual = understood.select(such.mean()).item()
        ranked = understood.explode("topics").group_by("topics").agg((such - usual).sum())
        first = ranked.sort("sentiment", descending=True)["topics"][0]

        assert f"“{first.replace('_', ' ').capitalize()}”" in findings[claim]
        assert "95% interval" in findings[claim]
        assert f"against {usual:.1%} of all reviews" in findings[claim]


def test_a_rare_topic_is_not_ranked_however_one_sided_it_is():
    material = SimpleNamespace(
        total=Tally(positive_count=700, negative_count=300),
        topics={
            "delivery": Tally(positive_count=200, negative_count=150),
            "quality": Tally(positive_count=400, negative_count=50),
            "updates": Tally(negative_count=49),
        },
    )

    assert topics_chapter.complaint(material) == (
        "The topic that adds most complaints is “Delivery”: 42.9% (95% interval 37.8% to 48.1%, "
        "n = 350) of the reviews that mention it are negative, against 30.0% of all reviews with "
        "text."
    )
    assert topics_chapter.praise(material).startswith("“Quality” is praised most: 88.9% (")


def test_where_every_topic_is_rare_the_largest_are_ranked():
    rare = {
        "delivery": Tally(positive_count=6, negative_count=4),
        "quality": Tally(positive_count=3, negative_count=6),
        "price": Tally(positive_count=8),
        "returns": Tally(negative_count=7),
    }
    material = SimpleNamespace(total=Tally(positive_count=700, negative_count=300), topics=rare)

    assert "“Quality”" in topics_chapter.complaint(material)
    assert "“Price”" in topics_chapter.praise(material)


def test_a_topic_no_worse_than_the_average_is_no_complaint():
    everything = Tally(positive_count=70, negative_count=30)
    material = SimpleNamespace(total=everything, topics={"quality": everything})

    assert topics_chapter.complaint(material) is None
    assert topics_chapter.praise(material) is None


def test_languages_without_topics_are_noted_where_they_are_the_most(tmp_path, report):
    mostly_arabic = report_on(tmp_path, Tenant(reviews=300, languages={"ar": 3, "en": 1}))
    read_in = f"Topics are read in {len(default_taxonomy().languages)} languages"

    assert any(read_in in note for note in mostly_arabic.section("topics").notes)
    assert not any(read_in in note for note in report.section("topics").notes)


def topics_of(text: str, language: str) -> list[str]:
    return label_topics(normalise(pl.Series([text])), [language], default_taxonomy()).topics[0]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Update: the boots are still great"),
        ("en", "UPDATED my review. EDIT: still fine"),
        ("de", "Update: immer noch zufrieden"),
        ("nl", "Update: nog steeds tevreden"),
        ("fr", "Mise à jour : toujours content"),
        ("es", "Actualización: sigo contento"),
        ("ja", "更新 まだ満足しています"),
        ("pl", "Z drugiej strony jest ładny"),
    ],
)
def test_an_edited_review_is_not_about_software(language, text):
    assert "usability and stability" not in topics_of(text, language)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Nothing works since the last update"),
        ("de", "Seit dem letzten Update geht nichts mehr"),
        ("fr", "Depuis la dernière mise à jour, rien ne va"),
        ("es", "Desde la última actualización no funciona"),
        ("ja", "アップデート後に動かない"),
    ],
)
def test_an_update_of_software_is_still_found(language, text):
    assert "usability and stability" in topics_of(text, language)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Nobody wanted to help."),
        ("en", "I wrote 3 emails and got no answer"),
        ("de", "Niemand wollte helfen"),
        ("fr", "Trois mails envoyés et aucune réponse"),
        ("es", "Nadie quiso ayudar"),
        ("it", "Ho scritto tre mail e nessuna risposta"),
        ("pt", "O apoio ao cliente nunca responde"),
        ("nl", "Niemand wilde helpen"),
        ("ja", "問い合わせても返事がありません"),
        ("pl", "Nikt nie chciał pomóc"),
        ("tr", "Üç kez yazdım, cevap yok"),  # noqa: RUF001 - Turkish has a dotless i
    ],
)
def test_help_refused_is_about_service(language, text):
    assert "service and staff" in topics_of(text, language)


def test_a_product_that_helps_is_not_service():
    assert "service and staff" not in topics_of("The insoles help with my back pain", "en")


def test_a_report_draws_at_least_eight_different_charts(report):
    kinds = {chart.kind for chart in report.charts()}
    keys = [chart.key for chart in report.charts()]

    assert len(kinds) >= 8
    assert len(set(keys)) == len(keys)


def test_weekly_counts_add_up_and_leave_no_week_out(report):
    table = next(c for c in report.charts() if c.kind is ChartKind.VOLUME_AND_RATING).table
    weeks = table.column("start")

    assert sum(table.column("review_count")) == report.review_count
    assert all(later - earlier == timedelta(days=7) for earlier, later in pairwise(weeks))


def test_the_same_snapshot_gives_the_same_report_and_page(snapshot, report):
    again = build_report(snapshot, tenant_name="Acme", colour="#0b6e4f", generated_at=GENERATED_AT)

    assert again == report
    assert render_html(again) == render_html(report)


def test_no_quote_is_given_twice_and_each_belongs_to_a_review(snapshot, report):
    voices = report.section("voices").voices
    quotes = [quote for block in voices for quote in block.quotes]
    keys = set(snapshot.table("reviews")["review_key"])

    assert quotes
    assert len({quote.text for quote in quotes}) == len(quotes)
    assert {quote.review_key for quote in quotes} <= keys
    assert {quote.sentiment for quote in quotes} == {"positive", "negative"}
    assert len({quote.language for quote in quotes}) > 2


@pytest.mark.parametrize(
    ("tenant", "missing", "note"),
    [
        (Tenant(reviews=200, has_dates=False), "volume_and_rating", "gave no dates"),
        (Tenant(reviews=200, has_text=False), "topic_sentiment", "has text"),
        (Tenant(reviews=200, has_ratings=False), "rating_distribution", "has a rating"),
        (Tenant(reviews=1), "incidents", "too few weeks"),
    ],
    ids=["no dates", "no text", "no ratings", "one review"],
)
def test_what_cannot_be_drawn_is_said_in_a_sentence(tmp_path, tenant, missing, note):
    report = report_on(tmp_path, tenant)
    notes = " ".join(note for section in report.sections for note in section.notes)

    assert missing not in {chart.kind for chart in report.charts()}
    assert note in notes
    assert all(chart.table.rows for chart in report.charts())
    assert "<h1>" in render_html(report)


def test_a_report_without_reviews_is_held(tmp_path):
    with pytest.raises(ReportHeldError, match="holds no review"):
        report_on(tmp_path, Tenant(reviews=0))


def test_of_two_thousand_products_fifteen_are_drawn_and_the_others_noted(tmp_path):
    names = tuple(f"Product {number} {'with a long name ' * 6}" for number in range(2000))
    report = report_on(tmp_path, Tenant(reviews=6000, products=names))
    section = report.section("products")
    drawn = next(c for c in section.charts if c.kind is ChartKind.RATING_COMPARISON)

    assert len(drawn.table.rows) == 15
    assert len(section.tables[0].rows) > 1000
    assert any("other products" in note for note in section.notes)


def test_one_product_one_source_and_one_language_need_no_comparison(tmp_path):
    tenant = Tenant(
        reviews=300, products=("Solo",), locations=(), sources=("shop",), languages={"en": 1}
    )
    report = report_on(tmp_path, tenant)
    sentences = [sentence for section in report.sections for sentence in section.sentences]

    assert "All reviews that name a product are about “Solo”." in sentences
    assert "All reviews share one source: Shop." in sentences
    assert "All reviews share one language: English." in sentences


@pytest.mark.parametrize(
    ("first", "grain"),
    [
        (date(2025, 12, 5), Grain.DAY),
        (date(2025, 1, 6), Grain.WEEK),
        (date(2016, 1, 4), Grain.MONTH),
    ],
)
def test_the_longer_the_history_the_longer_one_point(tmp_path, first, grain):
    report = report_on(tmp_path, Tenant(reviews=1500, first=first))
    chart = next(c for c in report.charts() if c.kind is ChartKind.VOLUME_AND_RATING)

    assert chart.grain is grain
    assert len(chart.table.rows) < 160


def test_addresses_that_run_code_are_left_out(tmp_path):
    report = report_on(tmp_path, Tenant(reviews=400, hostile=True))
    quotes = [quote for block in report.section("voices").voices for quote in block.quotes]

    assert all(quote.url == "" or quote.url.startswith("https://") for quote in quotes)
    assert any("script" in quote.text for quote in quotes)


@pytest.mark.parametrize(
    "colour", ["#ffd400", "#ffffff", "#000000", "f0f", "no colour", None, "#12"]
)
def test_any_colour_of_a_tenant_gives_readable_text(colour):
    palette = Palette.of(Branding.of("Acme", colour).colour)

    assert contrast(palette.accent, "#ffffff") >= 4.5
    assert contrast(palette.on_brand, palette.brand) >= 3
    assert contrast(palette.on_brand, palette.brand_deep) >= 3


def test_wilsons_interval_is_that_of_the_literature():
    interval = wilson(81, 263)  # Newcombe 1998, table I: 0.2553 to 0.3662

    assert interval.low == pytest.approx(0.2553, abs=5e-5)
    assert interval.high == pytest.approx(0.3662, abs=5e-5)
    assert wilson(0, 0) is None


def test_newcombes_interval_is_that_of_the_literature():
    later = Tally(positive_count=56, negative_count=14)  # Newcombe 1998b, table II (a), method 10
    earlier = Tally(positive_count=48, negative_count=32)
    interval = share_difference(earlier, later, "positive")

    assert interval.low == pytest.approx(0.0524, abs=5e-5)
    assert interval.high == pytest.approx(0.3339, abs=5e-5)


def test_welchs_interval_is_that_of_scipy():
    before, after = [1, 2, 3, 4, 5, 5, 4], [5, 5, 4, 5, 3]
    expected = stats.ttest_ind(after, before, equal_var=False).confidence_interval(0.95)
    interval = rating_difference(_tally_of(before), _tally_of(after))

    assert interval.low == pytest.approx(expected.low, abs=1e-3)
    assert interval.high == pytest.approx(expected.high, abs=1e-3)


def _tally_of(ratings: list[int]) -> Tally:
    return Tally(
        review_count=len(ratings),
        rated_count=len(ratings),
        rating_sum_milli=sum(rating * 1000 for rating in ratings),
        rating_square_sum_micro=sum((rating * 1000) ** 2 for rating in ratings),
    )


def test_names_lose_what_would_break_a_line_or_turn_its_direction():
    assert clean("A\x00cme\u202e \n Ltd\x1b") == "Acme Ltd"


def test_wide_characters_count_twice_when_names_are_cut():
    assert shortened("とても軽くて歩きやすい", 11) == "とても軽く…"
    assert shortened("Acme Outdoor", 12) == "Acme Outdoor"
    assert shortened("A name that is far too long", 12) == "A name that…"
