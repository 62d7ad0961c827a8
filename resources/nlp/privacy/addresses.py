# ruff: noqa: RUF001 - these patterns name characters of many scripts
"""Postal addresses: a street with a number, a postcode with a town, a post-office box.

Every country writes them in an order of its own; each pattern below is one of those orders.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from resources.nlp.privacy.patterns import compiled, loosened
from resources.nlp.privacy.spans import Span


@dataclass(frozen=True)
class Form:
    """How addresses are written somewhere.

    Attributes:
        core: What every one of them holds.
        head: What may stand before it.
        tail: What may, or has to, stand behind it.
        cheap: A shorter pattern that every core matches, where the core is slow to ask of a batch.
    """

    core: str
    head: str = ""
    tail: str = ""
    cheap: str = ""

    @property
    def whole(self) -> str:
        """The pattern of a whole address."""
        return self.head + self.core + self.tail

    @property
    def sign(self) -> str:
        """What Polars looks for: never less than there is."""
        return loosened(self.cheap or self.core)


# Every run has an end (``{0,40}``, ``{1,40}``), and no separator is also a letter of the word
# beside it: else a search that starts at each letter of one endless word would go through the rest
# of it each time, and where a run can be cut in several ways, through all the ways.
_CAP = r"(?:\p{Lu}[\p{L}\p{M}'’.-]{0,40}|[0-9]{1,2}(?:st|nd|rd|th))"
_CAPS = rf"{_CAP}(?: {_CAP}){{0,3}}"
_TOWN = r"\p{Lu}[\p{L}\p{M}'’-]{1,40}(?: \p{Lu}[\p{L}\p{M}'’-]{1,40}){0,2}"
_STATE = (
    "(?:A[LKZR]|C[AOT]|D[CE]|FL|GA|HI|I[DLNA]|K[SY]|LA|M[EDAINSOT]|N[EVHJMYCD]|O[HKR]|PA|RI|S[CD]"
    "|T[NX]|UT|V[TA]|W[AVIY])"
)
_US_END = rf"(?:,? {_TOWN})?,? {_STATE}\.? [0-9]{{5}}(?:-[0-9]{{4}})?"
_GB_POSTCODE = (
    r"(?:A[BL]|B[ABDHLNRST]?|C[ABFHMORTVW]|D[ADEGHLNTY]|E[CHNX]?|F[KY]|G[LUY]?|H[ADGPRSUX]"
    r"|I[GMPV]|JE|K[ATWY]|L[ADELNSU]?|M[EKL]?|N[EGNPRW]?|O[LX]|P[AEHLOR]|R[GHM]|S[AEGKLMNOPRSTWY]?"
    r"|T[ADFNQRSW]|UB|W[ACDFNRSV]?|YO|ZE)[0-9][0-9A-Z]? [0-9][ABD-HJLNP-UW-Z]{2}"
)
_EN_TYPE = (
    r"(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Close|Crescent"
    r"|Terrace|Place|Pl|Square|Gardens|Grove|Mews|Parkway|Pkwy|Highway|Hwy|Row|Way|Trail|Circle"
    r"|Nagar|Marg|Colony|Enclave|Layout)"
)
_EN_UNIT = r"(?:,? (?:Apt|Apartment|Unit|Suite|Ste|Flat|Floor)\.? ?#?[0-9]{0,40}[A-Za-z]?\b)"
_IN_END = r"(?:,? \p{Lu}[\p{L} ]{2,30}){0,2}[ -]{1,3}[0-9]{3} ?[0-9]{3}"
_EN_HOUSE = (
    r"(?:(?:Flat|Apt|Unit|House|Plot|Door|H\.? ?No\.?) ?(?:No\.? )?[0-9A-Z][0-9A-Z/-]{0,40},? )?"
)
_DE_STREET = (
    r"(?:\p{Lu}[\p{L}-]{0,40}(?:straße|strasse|str\.|weg|platz|gasse|allee|ring|damm|ufer|steig|chaussee)"
    r"|(?:\p{Lu}[\p{L}-]{1,40} ){1,2}(?:Straße|Strasse|Str\.|Weg|Gasse|Allee|Damm|Ufer))"
)
_DE_FIELD = r"(?:Am|An der|An den|Im|In der|Auf dem|Auf der|Zum|Zur|Unter den) \p{Lu}[\p{L}-]{1,40}"
_FR_TYPE = (
    r"(?i:rue|avenue|av\.|boulevard|bd|bld|chemin|impasse|allée|quai|route|ruelle|square|place"
    r"|passage|cours|faubourg|lotissement|résidence)"
)
_FR_LINK = r"(?:(?:de la|de l['’]|de|des|du|d['’]|aux?|la|le|les|l['’]) ?)?"
_ES_TYPE = (
    r"(?i:calle|c/|avenida|avda\.?|av\.|plaza|pza\.?|paseo|pº|camino|carrer|ronda|travesía"
    r"|carretera|glorieta|callejón)"
)
_ROMANCE_LINK = (
    r"(?:(?:de los|de las|de la|del|dos|das|do|da|de|di|dei|degli|delle|della|dello|dell['’]|d['’]"
    r"|los|las|la|el|y|e) ?){0,2}"
)
_ROMANCE_NAME = (
    rf"{_ROMANCE_LINK}\p{{Lu}}[\p{{L}}'’.-]{{0,40}}"
    rf"(?: {_ROMANCE_LINK}\p{{Lu}}[\p{{L}}'’.-]{{0,40}}){{0,4}}"
)
_FAR_NUMBER = r"[^0-9\n]*[0-9]"
_NUMBER = (
    r"(?:,? |,)(?:(?:n[.ºo°]{1,2}|nº|num\.?|número|№|nr\.?) ?)?"
    r"[0-9]{1,5}(?:/?[A-Za-z]\b|[/-][0-9]{1,3})?"
)
_IT_TYPE = (
    r"(?:[Vv]ia|[Vv]iale|[Pp]iazza|[Cc]orso|[Vv]icolo|[Ll]argo|[Pp]iazzale"
    r"|[Ll]ungomare|[Ss]trada)"
)
_PT_TYPE = (
    r"(?:[Rr]ua|[Aa]venida|[Aa]v\.|[Tt]ravessa|[Pp]raça|[Aa]lameda|[Ee]strada"
    r"|[Ll]argo|[Rr]odovia|[Bb]eco|R\.)"
)
_NL_END = (
    "(?:straat|[Gg]racht|[Ww]eg|[Ll]aan|[Pp]lein|[Kk]ade|[Dd]ijk|singel|pad|hof|steeg|dreef|markt)"
)
_NL_STREET = (
    rf"(?:\p{{Lu}}[\p{{L}}'’-]{{0,40}}|\p{{Lu}}\p{{L}}{{1,40}} \p{{Lu}}?\p{{L}}{{0,40}}){_NL_END}"
)
_PL_TYPE = r"(?i:ul\.|ulic[ayęą]|al\.|alej[aięą]|os\.|osiedl[eua]|pl\.|plac[u]?)"
_RU_TYPE = r"(?i:ул\.|улиц[аеуы]|проспект[еа]?|пр-т|пр\.|пер\.|переул(?:ок|ке)|шоссе|бульвар[е]?)"

FORMS = (
    # 1427 Maple Hollow Road, Apt 5C, Dayton, OH 45402
    Form(
        rf"\b#?[0-9]{{1,5}}[A-Za-z]?(?:[-/][0-9]{{1,4}}){{0,2}},? (?:{_CAP} ){{1,4}}{_EN_TYPE}\b",
        head=rf"(?:\b{_EN_HOUSE}(?:[A-Z]\p{{L}}{{1,40}} Apartments,? )?)?",
        tail=rf"\.?(?:{_EN_UNIT}|{_US_END}|(?:,? {_TOWN})?,? {_GB_POSTCODE}|{_IN_END}){{0,2}}",
    ),
    Form(
        r"\b(?:Flat|Apt|Plot|Unit|H\.? ?No\.?|House No\.?|Door No\.?) ?[0-9A-Z][0-9A-Z/-]{0,40}, ",
        tail=r"(?:[\p{L}0-9. ]{2,30}, ){0,3}[\p{L} ]{2,30}[ -]{1,3}[0-9]{3} ?[0-9]{3}\b",
    ),
    Form(
        rf"\b[0-9]{{1,4}}[A-Z]?, (?:{_CAP} ){{1,3}}(?:Nagar|Marg|Colony|Enclave|Layout|Road),? ",
        tail=rf"(?:{_TOWN},? )?{_TOWN}[ -]{{1,3}}[0-9]{{3}} ?[0-9]{{3}}\b",
    ),
    Form(rf", {_STATE} [0-9]{{5}}", head=rf"\b{_TOWN}", tail=r"(?:-[0-9]{4})?\b"),
    Form(rf"\b{_GB_POSTCODE}\b"),
    Form(
        r"(?i:\bP\.? ?O\.? ?box|\bpostfach|\bpostbus|\bcasella postale|\bapartado de correos"
        r"|\bcaixa postal|\bboîte postale) [0-9]{2,6}",
        tail=rf"(?:,? {_TOWN}(?:, {_STATE} [0-9]{{5}})?)?",
    ),
    # Lindenstraße 14a, 50667 Köln
    Form(
        rf"\b{_DE_STREET} [0-9]{{1,4}} ?[a-z]?\b",
        tail=rf"(?:,? (?:[AD]-)?[0-9]{{4,5}} {_TOWN})?",
        cheap="(?:traße|trasse|tr\\.|eg|latz|asse|llee|ing|amm|fer|teig|haussee) [0-9]",
    ),
    Form(
        rf"\b{_DE_FIELD} [0-9]{{1,4}} ?[a-z]?,? (?:[AD]-)?[0-9]{{4,5}} \p{{Lu}}",
        tail=r"[\p{L}-]{1,40}",
    ),
    # 17 rue des Tanneurs, 59000 Lille
    Form(
        rf"\b[0-9]{{1,4}}(?: ?(?:bis|ter|quater|[A-D])\b)?,? {_FR_TYPE} {_FR_LINK}\p{{Lu}}",
        tail=rf"[\p{{L}}\p{{M}}'’.-]{{0,40}}(?: {_FR_LINK}{_CAP}){{0,3}}(?:,? [0-9]{{5}} {_TOWN})?",
    ),
    # Avda. de la Constitución, 45, 3º B
    Form(
        rf"(?<!\w){_ES_TYPE} ?{_ROMANCE_NAME}{_NUMBER}",
        tail=rf"(?:, ?[0-9]{{1,2}}[ºª°]\.? ?[A-Z]?\w{{0,40}})?(?:,? [0-9]{{5}} {_TOWN})?",
        cheap=_ES_TYPE + _FAR_NUMBER,
    ),
    Form(
        rf"\b{_IT_TYPE} {_ROMANCE_NAME}{_NUMBER}",
        tail=rf"(?:,? [0-9]{{5}} {_TOWN})?",
        cheap=_IT_TYPE + " " + _FAR_NUMBER,
    ),
    # Rua das Oliveiras 34, 1200-095 Lisboa
    Form(
        rf"\b{_PT_TYPE} {_ROMANCE_NAME}{_NUMBER}",
        tail=r"(?:, ?(?:apto?\.?|bloco|[0-9]{1,2}\.?[ºª°]\.?) ?\w{0,40}\.?)?"
        rf"(?:,? (?:[0-9]{{4}}-[0-9]{{3}}|[0-9]{{5}}-?[0-9]{{3}}) {_TOWN})?",
        cheap=_PT_TYPE + " " + _FAR_NUMBER,
    ),
    Form(
        rf"\b{_NL_STREET} [0-9]{{1,4}} ?[a-z]?\b",
        tail=rf"(?:,? [0-9]{{4}} ?[A-Z]{{2}} {_TOWN})?",
        cheap=_NL_END + " [0-9]",
    ),
    Form(
        rf"(?<!\w){_PL_TYPE} {_CAPS} ?[0-9]{{1,4}}",
        tail=rf"[a-zA-Z]?(?:/[0-9]{{1,4}})?(?:,? [0-9]{{2}}-[0-9]{{3}} {_TOWN})?",
        cheap=_PL_TYPE + " " + _FAR_NUMBER,
    ),
    Form(rf"\b{_RU_TYPE} {_CAPS},? (?:д\.|дом)? ?[0-9]{{1,4}}", cheap=_RU_TYPE + " " + _FAR_NUMBER),
    # A postcode with its town, in the countries whose postcodes have a form of their own
    Form(r"\b[0-9]{4} [A-Z]{2},? \p{Lu}\p{Ll}", tail=r"[\p{L}-]{1,40}"),
    Form(r"\b[0-9]{2}-[0-9]{3} \p{Lu}\p{Ll}", tail=r"[\p{L}-]{1,40}(?: \p{Lu}\p{Ll}{1,40})?"),
    Form(r"\b[0-9]{5}-[0-9]{3},? \p{Lu}\p{Ll}", tail=r"[\p{L}-]{0,40}(?: \p{Lu}\p{Ll}{1,40}){0,2}"),
    Form(
        r"\b(?:[AD]-[0-9]{4,5}|(?:PLZ|CAP|CP|C\.P\.|code postal|código postal) [0-9]{5}),? \p{Lu}",
        tail=r"[\p{L}-]{1,40}",
    ),
    # 〒150-0041 東京都渋谷区神南1丁目19-11
    Form(
        r"(?:東京都|北海道|(?:大阪|京都)府|\p{Han}{2,3}県|(?:京都|大阪|横浜|名古屋|札幌|神戸|福岡|仙台"
        r"|広島)市)[\p{Han}\p{Hiragana}\p{Katakana}ー]{2,20}[0-9]{1,4}(?:丁目|番|号|[-－‐の])",
        head=r"(?:〒 ?[0-9]{3}-?[0-9]{4} ?)?",
        tail=r"地?[0-9]{0,4}(?:(?:丁目|番地?|号|[-－‐の])[0-9]{0,4}){0,3}",
    ),
    Form(r"〒 ?[0-9]{3}-?[0-9]{4}"),
    Form(
        r"\p{Han}{2,8}(?:路|街|大道|巷|胡同|弄)[0-9]{1,5}号",
        tail=r"(?:[0-9]{1,4}(?:室|楼|号楼|单元))?",
    ),
    Form(
        r"[가-힣]{1,10}(?:로|길) ?[0-9]{1,4}",
        tail=r"(?:-[0-9]{1,4})?(?:번길 ?[0-9]{1,4})?(?= ?(?:[0-9]{1,4}호|번지|에 살|으로 배송))",
    ),
)
_NO_STREET = compiled(
    r"(?i)\b[0-9]+ ?(?:stars?|hours?|hrs|minutes?|mins?|days?|nights?|weeks?|months?|years?|miles?"
    r"|km|way|person|people|pm|am|euros?|dollars?|january|february|march|april|may|june|july|august"
    r"|september|october|november|december|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec|mon\w*day"
    r"|tuesday|wednesday|thursday|friday|saturday|sunday|euro|uhr|kilometer|passages?|cours)\b"
    r"|(?:during|spring|i?pad|touchpad|notepad|thinkpad) "
    r"|(?:d[aei][smnre]|eine?[rmn]?|unsere?|jede[rs]?|diese[rsmn]?) "
)


def find_addresses(form: Form, text: str) -> Iterator[Span]:
    """Find the addresses of one form in one text."""
    for match in compiled(form.whole).finditer(text):
        if not _NO_STREET.match(match[0]):
            yield Span("address", match.start(), match.start() + len(match[0].rstrip(" ,")))
