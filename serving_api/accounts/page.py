"""The page behind links in mails, for whoever has no other one: it needs no script.

Looking at it does nothing and asks nothing; only its button does, by POST. So a program that
follows links in mails uses nothing up.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs

import jinja2
from fastapi import FastAPI
from markupsafe import Markup
from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import HTMLResponse

from resources.passwords import MAX_LENGTH
from serving_api.accounts.service import Accounts
from serving_api.kit.errors import Problem
from serving_api.kit.parameters import refuse_unstorable_characters
from serving_api.kit.services import services_of
from serving_api.members import newcomers
from serving_api.tenants.schemas import Line

PATH = "/confirm"
_FOLDER = files("serving_api.accounts")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{64}", re.ASCII)
_NAME: TypeAdapter[str] = TypeAdapter(Line)
_TITLES = {
    "verify_email": "Confirm your address",
    "change_email": "Confirm your new address",
    "reset_password": "Choose another password",
    "invite": "Join on ReviewGraph",
}
_POLICY = (
    "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)


def install(app: FastAPI) -> None:
    """Serve the page."""
    app.add_route(PATH, show, methods=["GET"], include_in_schema=False)
    app.add_route(PATH, confirm, methods=["POST"], include_in_schema=False)


async def show(request: Request) -> HTMLResponse:
    """The page with its button, whatever the link holds."""
    purpose, token = (request.query_params.get(name, "") for name in ("purpose", "token"))
    if purpose not in _TITLES or not _TOKEN.fullmatch(token):
        return _page("This is no link of ours", "Copy it whole from the mail.", status=404)
    return _ask(purpose, token, "Press the button to go on.")


async def confirm(request: Request) -> HTMLResponse:
    """Do what the link is for, and say what became of it."""
    body = (await request.body()).decode("utf-8", "replace")
    try:
        given = {name: values[0] for name, values in parse_qs(body, max_num_fields=5).items()}
    except ValueError:
        given = {}
    purpose, token = given.get("purpose", ""), given.get("token", "")
    if purpose not in _TITLES or not _TOKEN.fullmatch(token):
        return _page("This is no link of ours", "Copy it whole from the mail.", status=404)
    passwords = request.app.state.passwords
    accounts = Accounts(services_of(request), passwords.limits)
    try:
        password = _checked(given.get("password", ""))
        name = _NAME.validate_python(given.get("name", "")) if purpose == "invite" else ""
        await passwords.run(token, lambda: _do(accounts, purpose, token, password, name))
    except ValidationError:
        return _ask(
            purpose, token, "Your name must be one line of at most 120 letters.", status=422
        )
    except Problem as problem:
        if problem.slug == "invalid-parameters":
            return _ask(purpose, token, f"The password {problem.errors[0].message}.", status=422)
        if problem.slug == "invalid-credentials":
            return _ask(purpose, token, problem.detail, status=problem.status_code)
        return _page("That did not work", problem.detail, status=problem.status_code)
    return _page("Done", "You can close this page and log in.")


def _checked(password: str) -> str:
    try:
        return refuse_unstorable_characters(password)[: MAX_LENGTH + 1]
    except ValueError:
        return ""


def _do(accounts: Accounts, purpose: str, token: str, password: str, name: str) -> None:
    if purpose == "invite":
        newcomers.register(accounts.services, token, name, password)
    elif purpose == "reset_password":
        accounts.reset_password(token, password)
    elif purpose == "verify_email":
        accounts.verify_email(token, password)
    else:
        accounts.confirm_new_email(token)


def _ask(purpose: str, token: str, message: str, *, status: int = HTTPStatus.OK) -> HTMLResponse:
    title = _TITLES[purpose]
    form = {
        "purpose": purpose,
        "token": token,
        "asks_name": purpose == "invite",
        "asks_password": purpose != "change_email",
        "is_new_password": purpose in {"reset_password", "invite"},
        "button": title,
    }
    return _page(title, message, form=form, status=status)


def _page(
    title: str,
    message: str,
    *,
    form: dict[str, Any] | None = None,
    status: int = HTTPStatus.OK,
) -> HTMLResponse:
    content = _template().render(
        title=title,
        message=message,
        form=form,
        style=Markup(_style()),  # noqa: S704 - our own file
    )
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return HTMLResponse(
        content, status, headers={"Content-Security-Policy": _POLICY.format(digest=digest)}
    )


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string((_FOLDER / "page.html.j2").read_text("utf-8"))


@cache
def _style() -> str:
    return (_FOLDER / "page.css").read_text("utf-8").strip()
