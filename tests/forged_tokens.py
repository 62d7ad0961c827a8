"""Tokens that the API did not issue: what is wrong with each, and the token."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import string
import time
import uuid

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from serving_api.kit.keyring import PrivateKey

USER, SESSION = uuid.UUID(int=1), uuid.UUID(int=2)
OWN, RETIRED, FOREIGN = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2, 3))
KID, RETIRED_KID = "a" * 16, "b" * 16
ORDER = 2**252 + 27742317777372353535851937790883648493  # of the group that Ed25519 works in


class Ring:
    """Keys as the API holds them: one that signs, and no other that is known."""

    def signing(self):
        return PrivateKey(KID, OWN)

    def verifying(self, kid):
        return {KID: OWN.public_key()}.get(kid)


def segment(value):
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(header, claims, key=OWN):
    """A token with any header and claims, however odd, under a signature that is right for them."""
    signed = f"{segment(header)}.{segment(claims)}"
    return f"{signed}.{segment(key.sign(signed.encode()))}"


def mac(header, claims, key, digest=hashlib.sha256):
    """A token under a shared secret, as other algorithms than ours would take it."""
    signed = f"{segment(header)}.{segment(claims)}"
    return f"{signed}.{segment(hmac.new(key, signed.encode(), digest).digest())}"


def signed_otherwise(header, claims, key, *how):
    """A token under the signature of another family of keys."""
    signed = f"{segment(header)}.{segment(claims)}"
    return f"{signed}.{segment(key.sign(signed.encode(), *how))}"


def resigned(token, change):
    """A token whose signature's bytes are changed."""
    signed, _, signature = token.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    return f"{signed}.{segment(change(raw))}"


def spelled_otherwise(token, place, alter, *, anew):
    """A token one of whose three parts is written differently.

    Args:
        token: A good one.
        place: Which part, from 0.
        alter: Writes it differently.
        anew: Whether the signature is made over what is written then.
    """
    parts = token.split(".")
    parts[place] = alter(parts[place])
    if anew:
        signed = ".".join(parts[:2])
        parts[2] = segment(OWN.sign(signed.encode()))
    return ".".join(parts)


def plus_order(signature):
    """The other number that satisfies the same equation, which careless verifiers accept."""
    scalar = int.from_bytes(signature[32:], "little") + ORDER
    return signature[:32] + scalar.to_bytes(32, "little")


def header(**changes):
    return {"alg": "EdDSA", "typ": "at+jwt", "kid": KID} | changes


def without_kid(**changes):
    return {name: value for name, value in header(**changes).items() if name != "kid"}


def claims(*, issued=0, **changes):
    """Claims as the API makes them, ``issued`` seconds from now."""
    now = int(time.time()) + issued
    whole = {
        "iss": "reviewgraph",
        "aud": "reviewgraph-api",
        "sub": str(USER),
        "sid": str(SESSION),
        "iat": now,
        "exp": now + 900,
        "jti": "x",
    } | changes
    return {name: value for name, value in whole.items() if value is not None}


def following_digit(digit):
    """The next digit of base64url, which differs in bits that a signature's end does not use."""
    digits = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
    return digits[digits.index(digit) + 1]


def public_key_spellings():
    """Our public key in every form in which somebody could take it for a shared secret."""
    public = OWN.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return {
        "raw": public.public_bytes_raw(),
        "PEM": pem,
        "PEM without its last line break": pem.strip(),
        "DER": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "OpenSSH": public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
        "base64": segment(public.public_bytes_raw()).encode(),
    }


def bad_tokens():
    """The corpus: what is wrong with each, and the token."""
    now = int(time.time())
    good = sign(header(), claims())
    head, body, signature = good.split(".")
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    curve_key = ec.generate_private_key(ec.SECP256R1())
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    foreign_jwk = {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": segment(FOREIGN.public_key().public_bytes_raw()),
    }
    confused = {
        f"{alg} with the public key, {how}": mac(header(alg=alg), claims(), key, digest)
        for how, key in public_key_spellings().items()
        for alg, digest in (("HS256", hashlib.sha256), ("HS512", hashlib.sha512))
    }
    return (
        confused
        | {
            # What is signed by somebody else, or not at all
            "alg none, unsigned": f"{segment(header(alg='none'))}.{body}.",
            "alg None, unsigned": f"{segment(header(alg='None'))}.{body}.",
            "alg NONE, without a kid": f"{segment(without_kid(alg='NONE'))}.{body}.",
            "alg none, signed": sign(header(alg="none"), claims()),
            "no signature": f"{head}.{body}.",
            "no signature part": f"{head}.{body}",
            "another key": sign(header(), claims(), key=FOREIGN),
            "HS256 with an empty key": mac(header(alg="HS256"), claims(), b""),
            "HS256 with the name of the key": mac(header(alg="HS256"), claims(), KID.encode()),
            "HS256, without a kid": mac(without_kid(alg="HS256"), claims(), b"k" * 48),
            "RS256": signed_otherwise(
                header(alg="RS256"), claims(), rsa_key, padding.PKCS1v15(), hashes.SHA256()
            ),
            "PS256": signed_otherwise(header(alg="PS256"), claims(), rsa_key, pss, hashes.SHA256()),
            "ES256": signed_otherwise(
                header(alg="ES256"), claims(), curve_key, ec.ECDSA(hashes.SHA256())
            ),
            "Ed448": sign(header(), claims(), key=Ed448PrivateKey.generate()),
            "says RS256": sign(header(alg="RS256"), claims()),
            "says ES256": sign(header(alg="ES256"), claims()),
            "says HS256": sign(header(alg="HS256"), claims()),
            "says Ed448": sign(header(alg="Ed448"), claims()),
            "says Ed25519": sign(header(alg="Ed25519"), claims()),
            # Signatures of the right family that are none (after Wycheproof's vectors)
            "S plus the order of the group": resigned(good, plus_order),
            "signature of zeros": resigned(good, lambda _: bytes(64)),
            "R is the neutral element": resigned(good, lambda raw: b"\1" + bytes(31) + raw[32:]),
            "S is zero": resigned(good, lambda raw: raw[:32] + bytes(32)),
            "halves exchanged": resigned(good, lambda raw: raw[32:] + raw[:32]),
            "a bit turned": resigned(good, lambda raw: bytes([raw[0] ^ 1]) + raw[1:]),
            "a byte appended": resigned(good, lambda raw: raw + b"\0"),
            "a byte missing": resigned(good, lambda raw: raw[:-1]),
            "signature in DER": resigned(good, lambda raw: b"\x30\x44" + raw),
            "signature of the claims alone": f"{head}.{body}.{segment(OWN.sign(body.encode()))}",
            "JSON form": json.dumps({"payload": body, "protected": head, "signature": signature}),
            # Names of keys that are none
            "no kid": sign(without_kid(), claims()),
            "unknown kid": sign(header(kid="c" * 16), claims()),
            "kid of a key whose tokens have ended": sign(
                header(kid=RETIRED_KID), claims(), key=RETIRED
            ),
            "kid of another key": sign(header(kid=RETIRED_KID), claims()),
            "kid is a path": sign(header(kid="../../dev/null"), claims()),
            "kid is SQL": sign(header(kid="' union select '" + "a" * 43 + "' --"), claims()),
            "kid in capitals": sign(header(kid=KID.upper()), claims()),
            "kid with a space": sign(header(kid=f"{KID} "), claims()),
            "kid with a line break": sign(header(kid=f"{KID}\n"), claims()),
            "kid is a number": sign(header(kid=int(KID, 16)), claims()),
            "kid is a list": sign(header(kid=[KID]), claims()),
            "kid is null": sign(header(kid=None), claims()),
            "kid is an address": sign(header(kid="http://127.0.0.1/key"), claims()),
            "kid is empty": sign(header(kid=""), claims()),
            "kid is endless": sign(header(kid="a" * 1000), claims()),
            # Odd spellings of the header
            "header says alg twice": sign(
                b'{"alg":"none","alg":"EdDSA","typ":"at+jwt","kid":"%s","alg":"none"}'
                % KID.encode(),
                claims(),
            ),
            "alg in small letters": sign(header(alg="eddsa"), claims()),
            "no alg": sign({"typ": "at+jwt", "kid": KID}, claims()),
            "alg is a list": sign(header(alg=["EdDSA"]), claims()),
            "tampered claims": f"{head}.{segment(claims(sub=str(uuid.UUID(int=9))))}.{signature}",
            "tampered header": f"{segment(header(kid='d' * 16))}.{body}.{signature}",
            "cut signature": good[:-8],
            "signature of another token": f"{head}.{body}."
            + sign(header(), claims(jti="y")).split(".")[2],
            # What names keys or rules of its own, even under our signature
            "jku": sign(header(jku="http://127.0.0.1/keys"), claims()),
            "jwk": sign(header(jwk=foreign_jwk), claims()),
            "jwk of who signed": sign(header(jwk=foreign_jwk), claims(), key=FOREIGN),
            "jwk without a kid": sign(without_kid(jwk=foreign_jwk), claims(), key=FOREIGN),
            "jku of who signed": sign(
                header(jku="http://127.0.0.1:9/keys", kid="c" * 16), claims(), key=FOREIGN
            ),
            "x5c": sign(header(x5c=[segment(b"certificate")]), claims()),
            "x5u": sign(header(x5u="http://127.0.0.1/chain"), claims()),
            "crit": sign(header(crit=["exp"]), claims()),
            "b64 false": sign(header(b64=False, crit=["b64"]), claims()),
            # What is a token for something else
            "typ JWT": sign(header(typ="JWT"), claims()),
            "no typ": sign({"alg": "EdDSA", "kid": KID}, claims()),
            "typ of a refresh token": sign(header(typ="rt+jwt"), claims()),
            "other audience": sign(header(), claims(aud="another-api")),
            "list of audiences": sign(header(), claims(aud=["reviewgraph-api", "another-api"])),
            "no audience": sign(header(), claims(aud=None)),
            "other issuer": sign(header(), claims(iss="reviewgraph.example")),
            "no issuer": sign(header(), claims(iss=None)),
            # What is out of its time
            "expired": sign(header(), claims(issued=-901)),
            "no expiry": sign(header(), claims(exp=None)),
            "good for a year": sign(header(), claims(exp=now + 31_536_000)),
            "expiry is text": sign(header(), claims(exp="tomorrow")),
            "expiry is a list": sign(header(), claims(exp=[now + 900])),
            "expiry is infinite": sign(header(), claims(exp=float("inf"))),
            "issued in the future": sign(header(), claims(issued=5000)),
            "no time of issue": sign(header(), claims(iat=None)),
            "not before tomorrow": sign(header(), claims(nbf=now + 86_400)),
            # What names nobody
            "no subject": sign(header(), claims(sub=None)),
            "subject is no user id": sign(header(), claims(sub="admin")),
            "subject is a number": sign(header(), claims(sub=1)),
            "no session": sign(header(), claims(sid=None)),
            "session is no id": sign(header(), claims(sid="' or 1=1 --")),
            "no token id": sign(header(), claims(jti=None)),
            # What is no token
            "empty": "",
            "dots": "..",
            "one word": "garbage",
            "four parts": f"{good}.{signature}",
            "encrypted form": f"{head}.{body}.{signature}.{signature}.{signature}",
            "twice": f"{good} {good}",
            "with a line break": f"{head}.{body}\n.{signature}",
            "with a NUL": f"{good}\0",
            "not ASCII": good.replace("e", "е"),  # noqa: RUF001 - the Cyrillic letter is the point
            "claims are a list": sign(header(), [1, 2]),
            "claims are no JSON": sign(header(), b"\xff\xfe"),
            "header is a list": f"{segment([1])}.{body}.{signature}",
            "header is deep": f"{segment(b'[' * 1500)}.{body}.{signature}",
            "header is no JSON": f"{segment(b'{')}.{body}.{signature}",
            "endless": "a" * 100_000,
            "padded": good + "=",
            "other spelling of the signature": good[:-1] + following_digit(good[-1]),
            "standard alphabet": good.replace("-", "+").replace("_", "/") + "=",
        }
    )
