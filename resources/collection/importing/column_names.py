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
        đánh giá nội dung | noi dung | binh luan |
        kundenmeinung | kundenbewertung text | kundenkommentar | erfahrungsbericht |
        feedback text | avis client | avis clients | avis du client | texte de l avis |
        commentaire client | commentaire du client | temoignage | customer review |
        customer comment | customer feedback | user review | guest review | what they said
        | opinion del cliente | opiniones | texto de la resena | comentario del cliente |
        resenas | critica | recensioni | testo recensione | testo della recensione |
        commenti | commento cliente | opinione | opiniao | opiniao do cliente | comentario
        do cliente | texto da avaliacao | resenha | beoordeling tekst | opmerking |
        opmerkingen | reactie | mening | klantbeoordeling | avaliacao | beoordeling""",
    "title": """
        review title | title | headline | summary | review summary | subject | review headline |
        heading | caption | titel | uberschrift | betreff | titre | objet | titulo | asunto |
        titolo | oggetto | titlu | kop | tytul | baslik | judul | rubrik | заголовок | тема |
        标题 | 標題 | タイトル | 제목 | عنوان | शीर्षक | tieu de |
        titre de l avis | titre avis | titulo de la resena | titolo recensione | titel
        bewertung""",
    "rating": """
        review rating | rating | overall rating | star rating | stars | score | review score |
        overall | review stars | rate | user rating | rating value | review rating value |
        grade | reviewer score | points | overall score | evaluation | satisfaction | sterne |
        bewertung | note | sternebewertung | punkte | note globale | etoiles | notation |
        calificacion | puntuacion | valoracion | estrellas | nota | voto | valutazione |
        stelle | punteggio | avaliacao | estrelas | classificacao | pontuacao | beoordeling |
        waardering | sterren | ocena | gwiazdki | puan | yildiz | nilai | bintang | betyg |
        karakter | vurdering | оценка | рейтинг | балл | звезды | 评分 | 星级 | 打分 | 評分 |
        評価 | 星 | 평점 | 별점 | تقييم | रेटिंग | คะแนน | diem |
        sternebewertung von | anzahl sterne | sternzahl | gesamtbewertung | gesamtnote |
        schulnote | etoile | nombre d etoiles | note client | note du client | note
        generale | evaluation client | numero de estrellas | puntaje | calificacion
        general | numero di stelle | voto complessivo | numero de estrelas | nota geral |
        aantal sterren | cijfer | score totale | star | how many stars""",
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
        날짜 | 작성일 | تاريخ | तारीख | วันที่ | ngay |
        abgegeben am | abgegeben | bewertet am | geschrieben am | verfasst am |
        eingereicht am | bewertung vom | zeitpunkt | publie le | publie | date de l avis |
        date publication | redige le | ecrit le | depose le | poste le | date de creation
        | publicado el | publicada el | publicado | fecha de publicacion | fecha de la
        resena | escrito el | pubblicato il | pubblicata il | data di pubblicazione | data
        della recensione | scritto il | publicado em | data de publicacao | data da
        avaliacao | escrito em | geplaatst op | gepubliceerd op | geschreven op | datum
        van plaatsing | beoordeeld op | when | reviewed on | reviewed at | written on |
        written""",
    "author": """
        review author | author | reviewer name | user name | username | author name | reviewer |
        review username | author title | display name | profile name | user | customer name |
        nickname | nick | customer | reviewer nick name | author id | user id | reviewer id |
        customer id | posted by | written by | guest name | screen name | autor | verfasser |
        benutzer | benutzername | kunde | auteur | utilisateur | client | pseudo | usuario |
        cliente | autore | utente | nome utente | nome | gebruiker | naam | uzytkownik | yazar |
        kullanici | penulis | nama | forfattare | автор | пользователь | имя | 作者 | 用户 |
        用户名 | 昵称 | 用戶 | 投稿者 | ユーザー | 작성자 | 닉네임 | اسم | المستخدم | लेखक |
        tac gia |
        who | kundenname | nutzer | nutzername | rezensent | bewertet von | verfasst von |
        auteur avis | nom du client | nom client | pseudonyme | redige par | nombre del
        cliente | escrito por | nombre de usuario | recensore | scritto da | nome cliente
        | nome do cliente | usuaria | nome do usuario | geschreven door | recensent |
        klant | klantnaam | reviewed by""",
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
        bewertungs id | id avis | id resena | id recensione |
        identifiant | identifiant avis | identifiant de l avis | numero avis |
        bewertungsnummer | bewertung id | rezension id | rezensions id | kennung |
        identificador | id de resena | identificativo | id da avaliacao | beoordeling id |
        identificatie""",
    "deleted": """
        deleted | is deleted | review deleted | removed | is removed | withdrawn | deleted at |
        geloscht | supprime | eliminado | eliminato | excluido | удалено""",
}  # fmt: skip

_SCALE = re.compile(
    r"""[\s,:_-]*[(\[]?\s*(?:
        (?:(?:from|von|da|de|van)\s+)?[01]\s*(?:-|\u2013|\u2014|\.\.|to|bis|[àa]|al?|tot)
            \s*(?:5|10|20|100)  # (1-5), 1 to 10
        | (?:/|out\s+of|of|von|sur|de|su|di|van(?:\s+de)?|max\.?)\s*(?:5|10|20|100)   # /5, sur 5
    )\s*(?:stars?|sterne[n]?|[eé]toiles|estrellas|stelle|estrelas|sterren)?\s*[)\]]?\s*$""",
    re.VERBOSE | re.IGNORECASE,
)

_LONGEST_NAME = 200

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


NOT_RATINGS = frozenset(
    """
    age alter edad eta idade leeftijd count anzahl nombre numero number no nr num quantity qty
    price preis prix precio prezzo preco prijs cost amount vote votes helpful useful funny cool
    likes like upvotes downvotes thumbs id ids key index idx row rank position page line unnamed
    year month week weekday day hour nights night guests persons people adults children kids rooms
    room floor size length width height weight duration visits orders version level tier class
    category cluster group fold split label labels sentiment polarity target type kind code status
    semester quarter season division department lang language
    """.split()  # noqa: SIM905 - a list of words reads better as words
)
"""Words in the names of columns whose small numbers are not ratings."""

NOT_DATES_OF_REVIEWS = frozenset(
    """
    birth birthday birthdate born geburtstag geburtsdatum naissance nacimiento nascita nascimento
    member joined since registered registration expires expiry expiration reply replied response
    responded answered scraped crawled fetched retrieved downloaded purchase purchased ordered
    delivered delivery shipped release released founded opened last first next host user
    """.split()  # noqa: SIM905 - a list of words reads better as words
)
"""Words in the names of columns whose dates are not those of the reviews."""


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


@cache
def without_scale(name: str) -> str:
    """Take the scale off a column's name: ``Sterne (1-5)`` becomes ``Sterne``."""
    if len(name) > _LONGEST_NAME:
        return name
    return _SCALE.sub("", name, count=1) or name


def rank(field: str, name: str) -> int | None:
    """Say how well a column's name fits a field: 0 is best, None is not at all.

    A name with a scale, such as ``Sterne (1-5)`` or ``Note sur 5``, fits ratings only.
    """
    bare = without_scale(name)
    plain = words(bare)
    ranks = _RANKS[field] if bare == name or field == "rating" else {}
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
