"""A page for each kind of problem: what it means, and what to do about it."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse

from serving_api.documentation.page import environment, policy, style
from serving_api.kit.errors import HELP_PREFIX, TYPE_PREFIX, Problem
from serving_api.kit.problem_kinds import REGISTRY


def install(app: FastAPI) -> None:
    """Serve the pages at the addresses that problem documents name as their help."""

    async def show_problem(request: Request) -> HTMLResponse:
        slug = request.path_params["slug"]
        if slug not in REGISTRY:
            raise Problem("not-found")
        return HTMLResponse(render(slug), headers={"Content-Security-Policy": policy()})

    path = HELP_PREFIX + "{slug}"
    app.add_route(path, show_problem, methods=["GET"], include_in_schema=False)


def render(slug: str) -> str:
    """The page of a kind of problem."""
    template = environment().get_template("problem.html.j2")
    return template.render(
        slug=slug,
        kind=REGISTRY[slug],
        type=TYPE_PREFIX + slug,
        others=sorted(REGISTRY),
        style=style(),
    )
