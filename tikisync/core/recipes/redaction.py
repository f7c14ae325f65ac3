"""Requests that show their secret, as they may be kept and looked at."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import unquote_plus

from tikisync.core.recipes.recipe import Recipe
from tikisync.core.requests import Request


def without_secret(request: Request, recipe: Recipe | None) -> Request:
    """Return the request without the header or query parameter that holds a token or password of this recipe."""
    if recipe is None or recipe.scheme != "token":
        return request
    headers = {place.removeprefix("headers.").encode("utf-8") for place in recipe.signature}
    names = {place.removeprefix("query.") for place in recipe.signature}
    kept = [field for field in request.query.split("&") if unquote_plus(field.partition("=")[0]) not in names]
    return replace(
        request,
        headers=tuple(header for header in request.headers if header[0] not in headers),
        query="&".join(kept),
    )
