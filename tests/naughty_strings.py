"""Texts that programs have stumbled over, in the spirit of the big list of naughty strings.

The list is our own: what is empty or looks so, what steers terminals and writing direction, what
other languages take for code, paths, numbers or formulas, what Unicode makes long or equal, and
what cannot be stored.
"""

# ruff: noqa: E501, RUF001 - the oddness is the point, and lines of it are as long as they look

from __future__ import annotations

_EMPTY = ["", " ", "\t", "\n", "\r\n", "\u00a0", "\u2003", "\u200b", "\ufeff", "\u180e", "\u3000"]
_WORDS = [
    "undefined", "undef", "null", "NULL", "nil", "NIL", "None", "true", "false", "True", "False",
    "NaN", "nan", "Infinity", "-Infinity", "inf", "hasOwnProperty", "__proto__", "constructor",
    "prototype", "then", "toString", "self", "this", "then()", "CON", "PRN", "AUX", "NUL", "COM1",
    "LPT1", "admin", "root", "select", "all", "public", "pg_catalog", "id", "tenant_id",
]  # fmt: skip
_NUMBERS = [
    "0", "1", "-1", "+1", "1.0", "1e5", "1E+02", "1e999", "-1e-999", "0x0", "0xffffffff",
    "0b101", "0o17", "01000", "1/2", "1,000.00", "1.000,00", "1'000", "١٢٣", "Ⅷ", "½", "²",
    "2147483648", "-2147483649", "9223372036854775808", "-9223372036854775809",
    "99999999999999999999999999", "0.1e1_000", "0..1", ".", "-", "--1", "1-1",
    "2026-02-30", "0000-00-00", "9999-12-31", "+10000-01-01", "1969-12-31T23:59:60Z",
]  # fmt: skip
_CODE = [
    "'", '"', "''", '""', "`", "\\", "\\\\", "\\'", ";", "--", "/*", "*/", "#", "%", "%%", "_",
    "' OR '1'='1", "'; drop table reviews; --", "1; select pg_sleep(1)", "') or ('1'='1",
    "\\x27 or 1=1", "$$", "$1", ":name", "%(name)s", "{0}", "{name}", "{{7*7}}", "${7*7}", "#{7*7}",
    "<%= 7*7 %>", "{% raw %}", "*{7*7}", "[[7*7]]", "%s%s%s%n", "%d", "%x%x%x", "%p",
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "javascript:alert(1)",
    "</textarea><script>", "<svg/onload=alert(1)>", "<!--", "-->", "<![CDATA[", "]]>", "<?xml",
    '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>', "&lt;", "&#0;", "&#xD800;", "&amp;amp;",
    "$(touch x)", "`touch x`", "| ls", "& ls", "&& ls", "; ls", "> x", "~", "$HOME", "*", "?", "!",
    "import os", "eval('1')", "() { :; }; echo", "${jndi:ldap://127.0.0.1/a}",
    '{"a": 1}', "[1, 2]", '{"$gt": ""}', '{"__proto__": {}}', "*)(uid=*))(|(uid=*", "(&(a=b))",
    "=1+1", "+1+1", "-1+1", "@SUM(1)", "=cmd|' /C calc'!A0", "\t=1+1", "\r=1+1",
]  # fmt: skip
_PATHS = [
    "/", "//", ".", "..", "../", "../../../../etc/passwd", "..\\..\\windows", "/etc/passwd",
    "C:\\", "\\\\host\\share", "file:///etc/passwd", "%2e%2e%2f", "..%2f", "%00", "%0d%0aX: y",
    "a/b", "a\\b", "a:b", "a?b", "a#b", "http://127.0.0.1/", "//127.0.0.1", "x" * 255 + ".pdf",
    "-rf", "--help", ".htaccess", "a\nb", "a\rb",
]  # fmt: skip
_CONTROLS = [chr(code) for code in (*range(1, 32), 127, 0x80, 0x85, 0x9F, 0xAD)]
_UNICODE = [
    "ö", "o\u0308", "ﬁ", "ß", "ẞ", "İ", "ı", "ǅ", "Σς", "ﷺ", "Å", "\u212b", "K", "ſ", "㎏", "①",
    "田中さんにあげて下さい", "パーティーへ行かないか", "사회과학원", "Ελλάδα", "русский", "עברית",
    "العربية", "हिन्दी", "ไทย", "ትግርኛ", "ᠮᠣᠩᠭᠣᠯ", "𐐜", "𝔘𝔫𝔦", "🏳\u200d🌈", "👨\u200d👩\u200d👧\u200d👦",
    "👍🏿", "🇩🇪", "1\ufe0f\u20e3", "\U0001f9d1\U0001f3fb\u200d\u2695\ufe0f", "\U000e0041", "\U0010ffff",
    "\ufffd", "\ufffe", "\uffff", "\ue000", "\u2028", "\u2029", "\u202e", "\u202dabc\u202c",
    "\u2066abc\u2069", "\u061c", "\u200e", "\u200f", "\u2060", "\u00ad", "a\u0300\u0301\u0302" * 20,
    "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324\u031e", "˙ɐnbᴉlɐ ɐuƃɐɯ",
    "T\u0336h\u0336e", "\u1112\u1161\u11ab", "ﾊﾝｶｸ", "ＦＵＬＬ", "､､､", "‚‘’“”„", "…", "—", "−", "×",
]  # fmt: skip
_UNSTORABLE = ["\0", "a\0b", "\ud800", "\udfff", "\ud83d", "a\udc00b"]
_LONG = ["x" * 300, "x" * 301, "x" * 5000, "🙂" * 2000, "a " * 4000, "(" * 3000, "[" * 3000]

NAUGHTY = (
    *_EMPTY, *_WORDS, *_NUMBERS, *_CODE, *_PATHS, *_CONTROLS, *_UNICODE, *_UNSTORABLE, *_LONG,
)  # fmt: skip
"""All of them."""
