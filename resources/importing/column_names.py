"""What the columns of review files are called, in many spellings and languages.

A name is compared by its words: ``reviewText``, ``review_text``, ``Review Text`` and
``reviews.text`` are all ``review text``. Within a field the earlier name is the better one.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

FIELDS = (
    "text", "title", "rating", "date", "author", "product", "location", "url", "language", "id",
    "deleted",
)  # fmt: skip
"""What a column can be mapped to."""

ABOUT_REVIEWS = frozenset(
    {
        "review",
        "reviews",
        "comment",
        "comments",
        "feedback",
        "tweet",
        "post",
        "rezension",
        "bewertung",
        "avis",
        "resena",
        "recensione",
        "avaliacao",
        "recenzie",
        "yorum",
        "ulasan",
        "opinion",
    }
)
"""First words that say that a column belongs to the review and not to what it is about."""

_NAMES: dict[str, str] = {
    "text": """
        review text | review body | review content | text | content | body | review | comment |
        comments | review comment | review comments | reviews | translated review | message |
        feedback | full text | review full text | verbatim | opinion | reviewtext | tweet |
        snippet | answer | response text | comment text | tweet text | positive review |
        free text | sentence | sentences | document | bewertungstext | rezension | kommentar |
        rezensionstext | inhalt | nachricht | meinung | avis | commentaire | commentaires |
        texte | contenu | contenu avis | resena | comentario | comentarios | texto | contenido |
        opinion texto | mensaje | recensione | commento | testo | contenuto | avaliacao texto |
        conteudo | recenzie | continut | comentariu | recensie | beoordelingstekst | tekst |
        opinia | recenzja | tresc | yorum | metin | ulasan | komentar | isi | teks | omdome |
        recension | anmeldelse | отзыв | текст | текст отзыва | комментарий | відгук | 评论 |
        内容 | 评论内容 | 评价内容 | 評論 | 內容 | レビュー | 本文 | 口コミ | コメント | 리뷰 |
        내용 | 후기 | 리뷰내용 | مراجعة | تعليق | النص | समीक्षा | टिप्पणी | รีวิว | ข้อความ |
        đánh giá nội dung | noi dung | binh luan""",
    "title": """
        review title | title | headline | summary | review summary | subject | review headline |
        heading | caption | titel | uberschrift | betreff | titre | objet | titulo | asunto |
        titolo | oggetto | titlu | kop | tytul | baslik | judul | rubrik | заголовок | тема |
        标题 | 標題 | タイトル | 제목 | عنوان | शीर्षक | tieu de""",
    "rating": """
        review rating | rating | overall rating | star rating | stars | score | review score |
        overall | review stars | rate | user rating | rating value | review rating value |
        grade | reviewer score | points | overall score | evaluation | satisfaction | sterne |
        bewertung | note | sternebewertung | punkte | note globale | etoiles | notation |
        calificacion | puntuacion | valoracion | estrellas | nota | voto | valutazione |
        stelle | punteggio | avaliacao | estrelas | classificacao | pontuacao | beoordeling |
        waardering | sterren | ocena | gwiazdki | puan | yildiz | nilai | bintang | betyg |
        karakter | vurdering | оценка | рейтинг | балл | звезды | 评分 | 星级 | 打分 | 評分 |
        評価 | 星 | 평점 | 별점 | تقييم | रेटिंग | คะแนน | diem""",
    "date": """
        review date | date | posted at | review posted at | date posted | posted on |
        posted date | published at | publication date | published date | publish date |
        review time | timestamp | review datetime utc | created at | created | creation date |
        create date | date created | submitted at | submission date | submission time |
        date published | time | datetime | review timestamp | at | published | posted |
        unix review time | date of review | iso date | published at date | updated at |
        date added | written at | day | datum | bewertungsdatum | erstellt am |
        veroffentlicht am | date avis | date de publication | fecha | fecha resena |
        fecha publicacion | data | data recensione | data avaliacao | data publikacji | tarih |
        tanggal | dato | дата | дата отзыва | 日期 | 时间 | 评论时间 | 時間 | 日付 | 投稿日 |
        날짜 | 작성일 | تاريخ | तारीख | วันที่ | ngay""",
    "author": """
        review author | author | reviewer name | user name | username | author name | reviewer |
        review username | author title | display name | profile name | user | customer name |
        nickname | nick | customer | reviewer nick name | author id | user id | reviewer id |
        customer id | posted by | written by | guest name | screen name | autor | verfasser |
        benutzer | benutzername | kunde | auteur | utilisateur | client | pseudo | usuario |
        cliente | autore | utente | nome utente | nome | gebruiker | naam | uzytkownik | yazar |
        kullanici | penulis | nama | forfattare | автор | пользователь | имя | 作者 | 用户 |
        用户名 | 昵称 | 用戶 | 投稿者 | ユーザー | 작성자 | 닉네임 | اسم | المستخدم | लेखक |
        tac gia""",
    "product": """
        product name | product | product title | item name | hotel name | restaurant name |
        business name | app name | lounge name | place name | store name | company name |
        movie title | movie name | book title | game name | listing name | shop name |
        brand name | item | hotel | restaurant | business | app | airline name | airline |
        movie | book | game | listing | place | store | shop | company | brand | clothing |
        service | venue | product id | asin | parent asin | sku | item id | clothing id |
        hotel id | business id | app id | movie id | listing id | restaurant id | gmap id |
        place id | store id | book id | aircraft | model | produkt | produktname | artikel |
        marke | filiale | produit | article | marque | etablissement | producto |
        nombre producto | marca | articulo | negocio | prodotto | articolo | produto | produs |
        urun | urun adi | produk | varumarke | товар | продукт | название товара | 商品 |
        商品名称 | 产品 | 店铺 | 商品名 | 製品 | 店舗 | 상품 | 상품명 | 제품 | منتج | उत्पाद |
        สินค้า | san pham""",
    "location": """
        location | location name | branch | city | store location | branch name | hotel city |
        business city | address city | town | place of stay | site | region | state | province |
        country | airport | ort | stadt | standort | land | ville | lieu | pays | magasin |
        ciudad | ubicacion | pais | sucursal | citta | luogo | localita | sede | cidade |
        local | loja | stad | plaats | miasto | lokalizacja | sehir | konum | sube | kota |
        lokasi | cabang | oras | locatie | город | филиал | 城市 | 地点 | 门店 | 都市 | 場所 |
        店名 | 도시 | 지역 | مدينة | शहर | thanh pho""",
    "url": """
        review url | url | review link | link | permalink | source url | review source urls |
        source urls | review source url | web address | page url | href | lien | enlace |
        ссылка | 链接 | 링크""",
    "language": """
        language | review language | lang | language code | locale | original language |
        iso language | sprache | langue | idioma | lingua | taal | jezyk | dil | bahasa |
        sprak | язык | 语言 | 語言 | 言語 | 언어 | لغة | limba""",
    "id": """
        review id | id | reviewid | comment id | uuid | review uuid | feedback id | tweet id |
        response id | post id | record id | external id | source review id | guid | unique id |
        bewertungs id | id avis | id resena | id recensione""",
    "deleted": """
        deleted | is deleted | review deleted | removed | is removed | withdrawn | deleted at |
        geloscht | supprime | eliminado | eliminato | excluido | удалено""",
}  # fmt: skip

LOOSE = 200
"""Ranks from here on fit only by their last words."""

NOT_ABOUT_THE_BUSINESS = frozenset(
    {"user", "tweet", "author", "reviewer", "customer", "host", "owner"}
)
"""First words after which a place is the writer's and not the business's."""

DESCRIPTIONS = frozenset(
    {
        "description",
        "about",
        "overview",
        "amenities",
        "categories",
        "keys",
        "host",
        "neighborhood",
        "neighbourhood",
        "house",
        "rules",
        "notes",
        "access",
        "transit",
        "address",
        "picture",
        "image",
        "photo",
        "license",
        "hours",
        "attributes",
        "reply",
        "response",
        "owner",
        "answer",
        "bio",
        "profile",
        "ingredients",
        "specification",
    }
)
"""Words in the names of columns that hold long text which is not a review."""


@cache
def words(name: str) -> str:
    """Reduce a column's name to its words: lower case, no accents, single spaces."""
    name = name.replace("\ufeff", "")
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    plain = "".join(
        char for char in unicodedata.normalize("NFKD", name) if not "\u0300" <= char <= "\u036f"
    )
    plain = unicodedata.normalize("NFC", plain)
    return " ".join(re.split(r"[\W_]+", plain.casefold())).strip()


_RANKS: dict[str, dict[str, int]] = {
    field: {words(name): rank for rank, name in reversed(list(enumerate(names.split("|"))))}
    for field, names in _NAMES.items()
}


def rank(field: str, name: str) -> int | None:
    """Say how well a column's name fits a field: 0 is best, None is not at all."""
    plain = words(name)
    ranks = _RANKS[field]
    if plain in ranks:
        return ranks[plain]
    first, _, rest = plain.partition(" ")
    if field == "location" and first in NOT_ABOUT_THE_BUSINESS:
        return None
    if rest and first in ABOUT_REVIEWS and rest in ranks:
        return min(ranks[rest], 2)  # the prefix says that it is the review's own
    if rest and field != "location" and rest in ranks and field not in {"id", "product"}:
        return ranks[rest] + LOOSE
    if field == "location" and plain.endswith(" city"):
        return ranks["city"] + LOOSE
    return None


def is_known_name(cell: str) -> bool:
    """Whether a cell is the name of a column, word for word or behind a review's prefix."""
    return len(cell) < 60 and any(  # noqa: PLR2004 - no name is longer
        (found := rank(field, cell)) is not None and found < LOOSE for field in FIELDS
    )
