"""Ed25519 signatures and spellings of tokens that only a careless verifier takes.

Each is made here, of the kinds that Wycheproof's vectors for Ed25519 and for JSON Web Signature
name. Where one needs it, the signature is computed from the private key as RFC 8032 says, so that
all of it is right but the one thing.
"""

from __future__ import annotations

import base64
import hashlib
import json

from tests.forged_tokens import (
    ORDER,
    OWN,
    claims,
    header,
    resigned,
    segment,
    sign,
    spelled_otherwise,
)

PRIME = 2**255 - 19  # of the field below it
ALTERED_BITS = (0, 1, 2, 7, 8, 16, 31, 32, 63, 64, 97, 127, 240, 247, 248, 253, 254, 255)
NEUTRAL = bytes([1]) + bytes(31)  # how the neutral element of the group is written
PUBLIC = OWN.public_key().public_bytes_raw()


def little(number):
    return number.to_bytes(32, "little")


def signature_with(signed, alter=lambda point: point, *, nonce=None):
    """A signature in which R is written differently, with the S that fits what is written.

    Args:
        signed: What is signed.
        alter: Makes other bytes of those that R should be.
        nonce: The secret number behind R; as RFC 8032 computes it when not given.
    """
    hashed = hashlib.sha512(OWN.private_bytes_raw()).digest()
    secret = int.from_bytes(hashed[:32], "little") & ~7 & (2**254 - 1) | 2**254
    if nonce is None:
        nonce = int.from_bytes(hashlib.sha512(hashed[32:] + signed).digest(), "little") % ORDER
        point = OWN.sign(signed)[:32]
    else:
        assert nonce == 0
        point = NEUTRAL
    written = alter(point)
    challenge = int.from_bytes(hashlib.sha512(written + PUBLIC + signed).digest(), "little")
    return written + little((nonce + challenge * secret) % ORDER)


def with_s(change):
    """Changes the number S of a signature; what is larger than its place is cut off by nobody."""

    def changed(raw):
        return raw[:32] + little(change(int.from_bytes(raw[32:], "little")))

    return changed


def token_whose_signature(fits):
    """A good token whose signature happens to look a certain way."""
    for n in range(20_000):
        token = sign(header(), claims(jti=f"n{n}"))
        ending = token.rpartition(".")[2]
        if fits(base64.urlsafe_b64decode(ending + "==")):
            return token
    raise AssertionError("no such signature among twenty thousand")


def odd_signatures():
    """Signatures of the right family that are none."""
    good = sign(header(), claims())
    signed = good.rpartition(".")[0]

    def over(raw):
        return f"{signed}.{segment(raw)}"

    numbers = {
        "0": 0, "1": 1, "the order less 1": ORDER - 1, "the order": ORDER,
        "the order and 1": ORDER + 1, "the prime": PRIME, "the most": 2**256 - 1,
    }  # fmt: skip
    special = {
        f"R is {r}, S is {s}": over(little(numbers[r]) + little(numbers[s]))
        for r in numbers
        for s in numbers
    }
    shifted = {
        f"S plus {times} times the order": resigned(good, with_s(lambda s, n=times: s + n * ORDER))
        for times in (2, 4, 8)
    } | {
        f"S with bit {bit}": resigned(good, with_s(lambda s, n=bit: s | 1 << n))
        for bit in (253, 254, 255)
    }

    def flipped(bit):
        return lambda point: little(int.from_bytes(point, "little") ^ 1 << bit)

    other_r = {
        f"bit {bit} of R is turned, S fits": over(signature_with(signed.encode(), flipped(bit)))
        for bit in ALTERED_BITS
    } | {
        f"R is {what}, S fits": over(signature_with(signed.encode(), lambda _, r=written: r))
        for what, written in {
            "zeros": bytes(32),
            "no point": little(2),
            "the prime": little(PRIME),
            "ones": b"\xff" * 32,
        }.items()
    }
    short_s = token_whose_signature(lambda raw: raw[63] == 0)
    short_r = token_whose_signature(lambda raw: raw[31] == 0)
    return (
        special
        | shifted
        | other_r
        | {
            "S plus the prime": resigned(good, with_s(lambda s: s + PRIME)),
            "R is the neutral element with a sign, S fits": over(
                signature_with(signed.encode(), lambda _: bytes([1, *[0] * 30, 0x80]), nonce=0)
            ),
            "all bits of R are turned, S fits": over(
                signature_with(signed.encode(), lambda point: bytes(255 - each for each in point))
            ),
            "S is missing": resigned(good, lambda raw: raw[:32]),
            "half of S is missing": resigned(good, lambda raw: raw[:48]),
            "R is missing": resigned(good, lambda raw: raw[32:]),
            "the public key behind it": resigned(good, lambda raw: raw + PUBLIC),
            "a zero before it": resigned(good, lambda raw: b"\0" + raw),
            "a zero before S": resigned(good, lambda raw: raw[:32] + b"\0" + raw[32:]),
            "a byte in the middle missing": resigned(good, lambda raw: raw[:40] + raw[41:]),
            "its last zero is left out": resigned(short_s, lambda raw: raw[:63]),
            "a zero at the end of R is left out": resigned(
                short_r, lambda raw: raw[:31] + raw[32:]
            ),
            "signature twice": resigned(good, lambda raw: raw + raw),
        }
    )


def odd_spellings():
    """Tokens whose parts are missing, or are not what base64url writes."""
    good = sign(header(), claims())
    head, body, signature = good.split(".")
    parts = {
        "no claims": f"{head}..{signature}",
        "no claims part": f"{head}.{signature}",
        "no header": f".{body}.{signature}",
        "no header part": f"{body}.{signature}",
        "claims alone, between dots": f".{body}.",
        "claims alone": body,
        "an empty part behind it": f"{good}.",
        "an empty part before it": f".{good}",
        "JSON form with several signatures": json.dumps(
            {"payload": body, "signatures": [{"protected": head, "signature": signature}]}
        ),
        "JSON form with an unprotected header": json.dumps(
            {"payload": body, "header": header(), "signature": signature}
        ),
    }
    disturbed = {
        f"{what} {where} the {name}, {how}": spelled_otherwise(good, place, alter, anew=anew)
        for place, name in enumerate(("header", "claims", "signature"))
        for what, noise in {"spaces": "    ", "signs": "####", "a padding": "=", "a ?": "?"}.items()
        for where, alter in {
            "before": lambda text, noise=noise: noise + text,
            "within": lambda text, noise=noise: text[:8] + noise + text[8:],
            "behind": lambda text, noise=noise: text + noise,
        }.items()
        for how, anew in {"signed before": False, "signed so": True}.items()
        if not (anew and name == "signature")
    } | {
        f"unused bits of the {name} are set, {how}": spelled_otherwise(
            unused_bits_of(place), place, with_unused_bits, anew=anew
        )
        for place, name in enumerate(("header", "claims"))
        for how, anew in {"signed before": False, "signed so": True}.items()
    }
    return parts | disturbed


def unused_bits_of(place):
    """A good token of which one part ends with a digit that does not use all its bits."""
    for length in range(4):
        token = sign(json.dumps(header()).encode() + b" " * length, claims(jti="x" * (length + 1)))
        if len(token.split(".")[place]) % 4:
            return token
    raise AssertionError("every length was a multiple of three")


def with_unused_bits(part):
    """The part with its last digit one higher: decoders that ignore the rest read the same."""
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return part[:-1] + digits[digits.index(part[-1]) + 1]


def odd_rules():
    """What a header or claims say that no reader of ours may follow or ignore."""
    twice = b'{"alg":"EdDSA","typ":"at+jwt","kid":"%s","%s":%s}'
    kid = header()["kid"].encode()
    return {
        "crit is empty": sign(header(crit=[]), claims()),
        "crit names what nobody knows": sign(header(crit=["x"], x=1), claims()),
        "crit is no list": sign(header(crit="exp"), claims()),
        "b64 false, not critical": sign(header(b64=False), claims()),
        "b64 true": sign(header(b64=True, crit=["b64"]), claims()),
        "zip": sign(header(zip="DEF"), claims()),
        "enc": sign(header(enc="A256GCM"), claims()),
        "cty": sign(header(cty="JWT"), claims()),
        "a token within a token": sign(header(cty="JWT"), sign(header(), claims()).encode()),
        "header says typ twice": sign(twice % (kid, b"typ", b'"JWT"'), claims()),
        "header says kid twice": sign(twice % (kid, b"kid", b'"cccccccccccccccc"'), claims()),
        "header says crit last": sign(twice % (kid, b"crit", b'["b64"]'), claims()),
        "claims say exp twice": sign(header(), json.dumps(claims()).encode()[:-1] + b', "exp": 1}'),
        "claims say sub twice": sign(
            header(), json.dumps(claims()).encode()[:-1] + b', "sub": "admin"}'
        ),
    }
