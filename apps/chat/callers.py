"""Who calls a route, and in which language: what the routes' parameters are filled from.

All are coroutines, though none waits: FastAPI takes a plain function to a thread, which costs more than each of these.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import Response

from apps.chat.guard import is_https, make_cookie
from apps.chat.loopback import read_address
from apps.chat.services import Services, choose_language
from chatbot.errors import NotLoggedIn
from chatbot.store.records import Login


async def get_services(request: Request) -> Services:
    """Give the parts of the running service."""
    return _find_services(request)


async def get_login(request: Request) -> Login:
    """Give the login that the guard found.

    Raises:
        NotLoggedIn: there is none.
    """
    login: Login | None = request.scope.get("state", {}).get("login")
    if login is None:
        raise NotLoggedIn("Log in first.")
    return login


async def get_language(request: Request) -> str:
    """Give the reader's language."""
    return choose_language(_find_services(request).settings, request.headers.get("accept-language", ""))


async def get_address(request: Request) -> str:
    """Give the address that a request came from, as uvicorn believes it."""
    return read_address(request.scope)


async def get_source(request: Request) -> str:
    """Name that address as limits count it."""
    return _find_services(request).access.name_source(read_address(request.scope))


def set_cookie(request: Request, response: Response, token: str) -> None:
    """Give the caller the cookie of a login, or take it away by an empty token."""
    is_secure = is_https(request.scope, _find_services(request).tunnel)
    response.headers.append("set-cookie", make_cookie(token, is_secure))


def _find_services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Parts = Annotated[Services, Depends(get_services)]
Tester = Annotated[Login, Depends(get_login)]
Language = Annotated[str, Depends(get_language)]
Address = Annotated[str, Depends(get_address)]
Source = Annotated[str, Depends(get_source)]
