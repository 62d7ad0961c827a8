"""What the OpenAPI document says of the API as a whole."""

from __future__ import annotations

from serving_api.kit.errors import HELP_PREFIX, TYPE_PREFIX
from serving_api.kit.openapi import PROBLEMS_TABLE

INTRODUCTION = f"""
Reads what ReviewGraph has collected, annotated and counted for a tenant.

**Access.** `POST /v1/auth/token` gives an access token for the `Authorization: Bearer` header and a
refresh token for the next one; programs send an API key in its place. What one may see is decided
anew with every request; what one may not see answers as if it did not exist.

**Numbers.** Every figure carries `review_count`, how many reviews it was computed from, and
`reviews`, the address of exactly those reviews.

**Freshness.** Answers with numbers carry an `ETag`. Send it back in `If-None-Match`; `304` means
that nothing has changed.

**Forms.** Tables come as JSON, CSV, Arrow or Parquet, whichever `Accept` names, compressed if
`Accept-Encoding` allows it. `fields` names the fields of each row. Where the answer has no place
for it, the next page is named in the header `Link`.

**Sending twice.** With an `Idempotency-Key` a request that changes something has its effect once,
however often it is sent; sent again, it gets the answer of the first time.

**Limits.** The headers `RateLimit-Policy` and `RateLimit` tell how many requests one may send.
After `429` and `503` wait the seconds in `Retry-After`.

**Lists** are read page by page: follow `next` until it is null. New rows never make a page repeat
or skip another row.

**Problems** are answered as `application/problem+json` (RFC 9457) with a `type` of
`{TYPE_PREFIX}` and one of these slugs. `help` is the address of a page about it, for
example `{HELP_PREFIX}not-found`.

{PROBLEMS_TABLE}
"""
