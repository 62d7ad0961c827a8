"""Every way in which a request can fail, once: its status, its title and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus


@dataclass(frozen=True)
class ProblemKind:
    """One way in which a request can fail.

    Attributes:
        status: The HTTP status it is answered with.
        title: The same short sentence for every occurrence.
        detail: What the client can do; an occurrence may say it more precisely.
    """

    status: HTTPStatus
    title: str
    detail: str


REGISTRY: dict[str, ProblemKind] = {
    "bad-request": ProblemKind(
        HTTPStatus.BAD_REQUEST,
        "The request cannot be read",
        "Send a well-formed HTTP request with a JSON body where one is expected.",
    ),
    "wrong-host": ProblemKind(
        HTTPStatus.MISDIRECTED_REQUEST,
        "The API does not answer under this name",
        "Use the address that your operator gave you. Whoever runs the installation names further "
        "names in REVIEWGRAPH_ALLOWED_HOSTS.",
    ),
    "invalid-parameters": ProblemKind(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Some parameters are not valid",
        "Correct the parameters listed in errors and send the request again.",
    ),
    "invalid-cursor": ProblemKind(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "The cursor does not belong to this list",
        "Use a cursor only with the tenant, filters and sort order it was given for, "
        "or start from the first page.",
    ),
    "unauthenticated": ProblemKind(
        HTTPStatus.UNAUTHORIZED,
        "An access token is needed",
        "Send a valid access token in the Authorization header; POST /v1/auth/token gives one.",
    ),
    "invalid-credentials": ProblemKind(
        HTTPStatus.UNAUTHORIZED,
        "Email or password is wrong",
        "Check both and try again.",
    ),
    "email-not-verified": ProblemKind(
        HTTPStatus.FORBIDDEN,
        "The email address is not confirmed yet",
        "Follow the link in the mail that was sent when the account was made; "
        "POST /v1/auth/register sends another one.",
    ),
    "code-not-valid": ProblemKind(
        HTTPStatus.UNAUTHORIZED,
        "The code is not valid",
        "Send the code that is shown now, each once, or a recovery code. After five minutes log in "
        "anew.",
    ),
    "code-needed": ProblemKind(
        HTTPStatus.FORBIDDEN,
        "A code of the second factor is needed",
        "Send the password and, as code, what the second factor shows or a recovery code.",
    ),
    "one-time-token-not-valid": ProblemKind(
        HTTPStatus.BAD_REQUEST,
        "The link does not work, or no longer",
        "It works once and for a limited time, and a newer one replaces it. Ask for a new one.",
    ),
    "address-taken": ProblemKind(
        HTTPStatus.CONFLICT,
        "The address belongs to another account by now",
        "Choose another address, or log in to that account.",
    ),
    "provider-refused": ProblemKind(
        HTTPStatus.UNAUTHORIZED,
        "The identity provider's answer is not accepted",
        "Start the log-in again in the same browser. If it fails again, ask your operator, whose "
        "log says why. Your address has to be verified at the provider, and of a "
        "domain that has been verified to be the tenant's.",
    ),
    "provider-unavailable": ProblemKind(
        HTTPStatus.BAD_GATEWAY,
        "The identity provider does not answer",
        "Try again in a minute, or log in with a password if you have one.",
    ),
    "provider-down": ProblemKind(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The identity provider has not answered for a while",
        "It is not asked for the moment. Wait the seconds given in Retry-After and start the "
        "log-in again, or log in with a password if you have one.",
    ),
    "provider-exists": ProblemKind(
        HTTPStatus.CONFLICT,
        "The tenant has an identity provider of that issuer",
        "Remove it first, or change it at the provider.",
    ),
    "second-factor-exists": ProblemKind(
        HTTPStatus.CONFLICT,
        "There is a second factor already",
        "Remove it first: POST /v1/me/second-factor/remove.",
    ),
    "forbidden": ProblemKind(
        HTTPStatus.FORBIDDEN,
        "Your role does not allow this",
        "Ask an owner or administrator of the tenant for a role that does.",
    ),
    "insufficient-scope": ProblemKind(
        HTTPStatus.FORBIDDEN,
        "The API key does not reach this",
        "Use a key with the scope that is named, or log in where no key will do.",
    ),
    "tenant-suspended": ProblemKind(
        HTTPStatus.FORBIDDEN,
        "The tenant is suspended",
        "Nothing of it can be used. Reading the tenant itself gives the reason; ask your operator.",
    ),
    "limit-reached": ProblemKind(
        HTTPStatus.FORBIDDEN,
        "The tenant's plan allows no more of this",
        "Make room, wait for the next month where the limit is a month's, or ask for a larger "
        "plan. The tenant's usage shows every limit.",
    ),
    "beyond-history": ProblemKind(
        HTTPStatus.FORBIDDEN,
        "The tenant's plan does not show reviews that old",
        "Ask for days within those that the plan shows, or for a larger plan. The header "
        "History-Starts of every answer names the first of them.",
    ),
    "not-found": ProblemKind(
        HTTPStatus.NOT_FOUND,
        "There is nothing here",
        "The address is wrong, or what it names does not exist for you.",
    ),
    "nothing-published": ProblemKind(
        HTTPStatus.NOT_FOUND,
        "Nothing has been counted for this tenant yet",
        "Import reviews and let the daily run finish; then ask again.",
    ),
    "snapshot-gone": ProblemKind(
        HTTPStatus.GONE,
        "These numbers have been replaced",
        "The snapshot is no longer kept. Leave the snapshot parameter out to read the current one.",
    ),
    "file-gone": ProblemKind(
        HTTPStatus.GONE,
        "The file is no longer kept",
        "Request the report again to have it written anew.",
    ),
    "invitation-invalid": ProblemKind(
        HTTPStatus.GONE,
        "The invitation cannot be accepted",
        "It was used, taken back, replaced by a newer mail, or its time is over. Ask for another.",
    ),
    "invitation-for-another": ProblemKind(
        HTTPStatus.CONFLICT,
        "The invitation is for another address",
        "Log in with the address that the mail was sent to. The invitation is still open for it.",
    ),
    "already-there": ProblemKind(
        HTTPStatus.CONFLICT,
        "Something of that name is there already",
        "Choose another name, or change what is there.",
    ),
    "last-owner": ProblemKind(
        HTTPStatus.CONFLICT,
        "The tenant would be left without an owner",
        "Make another member an owner first.",
    ),
    "tenant-closing": ProblemKind(
        HTTPStatus.CONFLICT,
        "The tenant is closing",
        "It can be read and exported until it is gone, not changed. An owner can open it again.",
    ),
    "wrong-status": ProblemKind(
        HTTPStatus.CONFLICT,
        "That cannot be done in this state",
        "Read it again to see how it stands.",
    ),
    "precondition-failed": ProblemKind(
        HTTPStatus.PRECONDITION_FAILED,
        "It was changed since you read it",
        "Read it again, look at what changed, and send the request with the new ETag in If-Match.",
    ),
    "method-not-allowed": ProblemKind(
        HTTPStatus.METHOD_NOT_ALLOWED,
        "This address does not take that method",
        "Use one of the methods in the Allow header.",
    ),
    "body-too-large": ProblemKind(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "The request body is too large",
        "Send less at once.",
    ),
    "file-damaged": ProblemKind(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "The stored file is not what was written",
        "It is not sent. Request the report again to have it written anew, and give your operator "
        "the request id.",
    ),
    "idempotency-key-reused": ProblemKind(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "The idempotency key stands for another request",
        "Send the request that the key was first used with, or take a new key.",
    ),
    "too-many-keys": ProblemKind(
        HTTPStatus.CONFLICT,
        "The tenant has as many API keys as it may have",
        "Revoke keys that are no longer needed, then make the new one.",
    ),
    "not-acceptable": ProblemKind(
        HTTPStatus.NOT_ACCEPTABLE,
        "The answer does not come in a form that the client takes",
        "Leave the Accept header out, or name one of the media types that the operation has.",
    ),
    "request-in-flight": ProblemKind(
        HTTPStatus.CONFLICT,
        "The first request with this idempotency key is still being worked on",
        "Wait the seconds given in Retry-After, then send the request again with its key.",
    ),
    "unsupported-media-type": ProblemKind(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "The body is not of the right type",
        "Send it as application/json, and say so in the Content-Type header.",
    ),
    "graphql-invalid": ProblemKind(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "The GraphQL document is not valid",
        "Correct the document and send it again.",
    ),
    "graphql-too-expensive": ProblemKind(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "The GraphQL document asks for too much at once",
        "Ask for less at once: fewer fields, fewer aliases, smaller pages.",
    ),
    "name-taken": ProblemKind(
        HTTPStatus.CONFLICT,
        "The name is taken",
        "Choose another name, or change what has this one.",
    ),
    "in-use": ProblemKind(
        HTTPStatus.CONFLICT,
        "Something else depends on it",
        "It cannot be removed while something else depends on it.",
    ),
    "too-many-requests": ProblemKind(
        HTTPStatus.TOO_MANY_REQUESTS,
        "More is asked for than can be worked on",
        "Wait the seconds given in Retry-After, then send the request again.",
    ),
    "range-not-satisfiable": ProblemKind(
        HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
        "The file has no such part",
        "Ask for bytes within the size in Content-Range, or for the whole file.",
    ),
    "numbers-unreadable": ProblemKind(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The published numbers cannot be read",
        "Their files are missing or damaged. They are published again within minutes where the "
        "graph is running. If this lasts, tell your operator: `reviewgraph status --due` names "
        "the command that publishes them again.",
    ),
    "unavailable": ProblemKind(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "A part the API stands on does not answer",
        "Try again in a few seconds. If it lasts, give your operator the request id.",
    ),
    "too-slow": ProblemKind(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The request took longer than it may",
        "Send fewer or shorter texts at once, or try again when less is going on.",
    ),
    "unexpected": ProblemKind(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Something went wrong on our side",
        "The error has been logged. Give your operator the request id.",
    ),
}
