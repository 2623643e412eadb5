"""The chat service: builds its parts and the ASGI app, and serves it."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import math
import signal
import socket
import threading
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs

import gradio as gr
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from filelock import FileLock, Timeout
from starlette.middleware.cors import CORSMiddleware

from apps.chat import api
from apps.chat.api_docs import OPENAPI_URL, add_docs
from apps.chat.callers import set_cookie
from apps.chat.edge import Hosts, Trace
from apps.chat.faults import Misses, install_handlers, install_page_handlers
from apps.chat.guard import Guard
from apps.chat.loopback import read_address
from apps.chat.page import PAGE_OPTIONS, build_page, render_login
from apps.chat.printer import Printer
from apps.chat.services import Services, choose_language
from apps.chat.texts import explain_error
from apps.chat.tunnel import Tunnel
from apps.chat.wire import STATUS_OF_CODE
from chatbot.access import Access, check_exposure, check_sharing
from chatbot.assistants.catalogue import Assistants
from chatbot.conversation import Conversation
from chatbot.errors import GuichetError, SettingsError, StoreUnavailable
from chatbot.knowledge.meaning import build_meaning
from chatbot.knowledge.retriever import Knowledge
from chatbot.log.erase import prune
from chatbot.log.publisher import Publisher
from chatbot.models import build_chat_model, name_model
from chatbot.secret_key import load_secret_key
from chatbot.settings import Settings, find_variables, load_settings
from chatbot.store import counters, leases
from chatbot.store.engine import Clock, Store, utc_now
from chatbot.telemetry import Metrics, configure_logging
from chatbot.text import clean_text
from chatbot.turns import Turns

logger = logging.getLogger(__name__)

OWNER_PREFIX = "chat:"
HARMLESS_VARIABLES = frozenset({"GRADIO_ANALYTICS_ENABLED", "GRADIO_TEMP_DIR"})
GRACE_S = 3
RETENTION_PAUSE_S = 3600
RECOVERY_PAUSE_S = 10
WORKERS = 32


def build_services(settings: Settings, *, clock: Clock = utc_now) -> Services:
    """Build the parts of the service.

    Args:
        clock: gives the time of rows, sessions and limits.

    Raises:
        SettingsError, StoreUnavailable: a setting, a definition or the store is wrong.
    """
    _check_variables()
    store = Store(settings.store_place, clock=clock)
    check_exposure(settings, store)
    metrics = Metrics()
    assistants = Assistants(settings.assistants_dir, store)
    meaning = build_meaning(settings)
    knowledge = Knowledge(settings.knowledge_dir, settings.private_dir / "index", meaning=meaning)
    knowledge.refresh()
    conversation = Conversation(
        store=store,
        knowledge=knowledge,
        assistants=assistants,
        model=build_chat_model(settings),
        model_name=name_model(settings),
        settings=settings,
        metrics=metrics,
        owner=f"{OWNER_PREFIX}{uuid.uuid4()}",
    )
    return Services(
        settings=settings,
        store=store,
        access=Access(store, settings, load_secret_key(settings)),
        turns=Turns(conversation, max_streams=settings.max_streams, metrics=metrics),
        assistants=assistants,
        metrics=metrics,
        printer=Printer(store, assistants, settings),
        started_at=clock(),
    )


def create_app(services: Services) -> FastAPI:
    """Build the ASGI app around the parts."""
    settings = services.settings

    @asynccontextmanager
    async def live(app: FastAPI) -> AsyncIterator[None]:
        async with _run_background(services):
            yield

    app = FastAPI(title="Guichet", docs_url=None, openapi_url=OPENAPI_URL, redoc_url=None, lifespan=live)
    app.state.services = services
    app.include_router(api.router)
    add_docs(app)
    _add_login_page(app)
    app.router.routes.append(Misses(app.router.routes))
    install_handlers(app)
    # The one added last is the first to see a request.
    app.add_middleware(Guard, services=services)
    # Without Starlette's own class on the parent, a mounted Gradio echoes any origin with credentials.
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(settings.origins),
        allow_methods=["GET", "POST", "PUT", "DELETE"],
        allow_headers=["authorization", "content-type", "idempotency-key", "last-event-id", "x-trace-id"],
        expose_headers=["x-trace-id", "retry-after", "content-disposition"],
    )
    app.add_middleware(Hosts, names=settings.hosts, tunnel=services.tunnel)
    app.add_middleware(Trace)
    gr.mount_gradio_app(app, build_page(services), path="/", **PAGE_OPTIONS)
    install_page_handlers(app)
    return app


def run(settings: Settings, *, is_shared: bool = False) -> None:
    """Serve until a signal comes.

    Args:
        is_shared: whether a public link is asked for.

    Raises:
        GuichetError: the service cannot start; the message says why.
    """
    configure_logging(settings.log_level, settings.log_format, settings.log_file)
    # Two services over one SQLite store would each take the other's turns for dead ones.
    lock = FileLock(settings.private_dir / "chat.lock")
    try:
        settings.private_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise StoreUnavailable(
            f"DATA_DIR={settings.data_dir}: another chat service runs on this folder. Stop it, or choose another."
        ) from error
    except OSError as error:
        raise StoreUnavailable(
            f"DATA_DIR={settings.data_dir}: {error.filename}: {error.strerror}. Choose a folder that can be written."
        ) from error
    with lock:
        if is_shared:
            # Before the rest, which takes seconds.
            with closing(Store(settings.store_place)) as store:
                check_sharing(settings, store)
        services = build_services(settings)
        app = create_app(services)
        logger.info("The chat service is on http://%s:%d", settings.chat_host, settings.chat_port)
        server = _Server(make_config(app, settings))
        server.store = services.store
        server.tunnel = services.tunnel if is_shared else None
        server.certificates = settings.private_dir / "tunnel"
        server.run()
        if services.store.is_damaged:
            raise StoreUnavailable("The service ended: its store is damaged. Bring back a backup.")


def make_config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """Say how uvicorn serves the app."""
    return uvicorn.Config(
        app,
        host=settings.chat_host,
        port=settings.chat_port,
        log_config=None,
        access_log=False,
        server_header=False,
        # uvicorn believes forwarding headers from loopback unless told otherwise.
        proxy_headers=bool(settings.forwarded_allow_ips),
        forwarded_allow_ips=settings.forwarded_allow_ips,
        timeout_graceful_shutdown=GRACE_S,
    )


def settle() -> None:
    """Have the garbage collector leave alone what is there at the start, for it stays until the end.

    Looking through it took 0.2 s a time (hundreds of thousands of objects, mostly of Gradio): nobody got a word then.
    """
    gc.collect()
    gc.freeze()


def main(arguments: Sequence[str] | None = None) -> int:
    """Start from the environment; give the exit code.

    Args:
        arguments: what follows the program's name; by default those of this process.
    """
    parser = argparse.ArgumentParser(prog="python -m apps.chat", description="The chat service.")
    parser.add_argument(
        "--share", action="store_true", help="open a public Gradio link; needs a password or a code"
    )
    options = parser.parse_args(arguments)
    try:
        run(load_settings(), is_shared=options.share)
    except SettingsError as error:
        for fault in error.faults:
            logger.error("%s", fault)
        return 1
    except GuichetError as error:
        logger.error("%s", error)
        return 1
    return 0


class _Server(uvicorn.Server):
    """A server for which a signal is an orderly end.

    uvicorn raises the signal again after its shutdown, and the process would end by it instead of with exit code 0.
    """

    tunnel: Tunnel | None = None
    certificates = Path()
    store: Store | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        settle()
        if self.tunnel and not self.should_exit:
            self.tunnel.open_beside(self.config.port, self.certificates)

    async def on_tick(self, counter: int) -> bool:
        # Without its store the service is of no use; its supervisor may know a remedy.
        is_over = self.store is not None and self.store.is_damaged
        return await super().on_tick(counter) or is_over

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self.tunnel:
            self.tunnel.close()
        await super().shutdown(sockets)
        # What was left alone is taken apart at the end; DuckDB would list it among the log's lines as leaked.
        gc.unfreeze()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        previous = {
            number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


@asynccontextmanager
async def _run_background(services: Services) -> AsyncIterator[None]:
    """Recover what a crash left, and publish while the service lives."""
    store, settings = services.store, services.settings
    # Python's own number follows the processors; ours wait for the disk, and a limiter's threads for the writer.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(WORKERS, thread_name_prefix="worker"))
    store.start_writer()
    now = store.clock()
    # Of a file this is the only service, of a server one of several: there a lost turn is known by its lease alone.
    dead = "" if store.is_shared else OWNER_PREFIX
    is_recovered = True
    try:
        lost = await store.write_async(leases.recover_turns, now, dead_owners=dead)
        if lost:
            logger.warning(
                "%d answers were cut off by the last end of the service; they are kept as interrupted",
                len(lost),
            )
        await store.write_async(counters.drop_ended, now)
    except StoreUnavailable as error:
        # A full disk takes no writes; reading goes on, and lost turns are given up later, by their leases.
        logger.error("Nothing can be written yet: %s", error)
        is_recovered = False
    stop = threading.Event()
    publisher = _start_publisher(services, stop) if settings.publish_interval > 0 else None
    if publisher is None:
        # Another process publishes, or none: 0 would say that the log is fresh.
        services.metrics.published_age.set(math.nan)
    knowledge = services.turns.conversation.knowledge
    knowledge.start_watching()
    services.assistants.start_watching()
    retention = asyncio.create_task(_keep_retention(services))
    recovery = asyncio.create_task(_recover_turns(services)) if store.is_shared or not is_recovered else None
    try:
        yield
    finally:
        retention.cancel()
        if recovery:
            recovery.cancel()
        knowledge.stop_watching()
        services.assistants.close()
        await services.turns.close()
        stop.set()
        if publisher:
            with suppress(RuntimeError):
                await asyncio.to_thread(publisher.join, 10)
        await asyncio.to_thread(store.close)


def _start_publisher(services: Services, stop: threading.Event) -> threading.Thread:
    settings = services.settings
    runner = Publisher(
        services.store,
        settings.data_dir,
        timezone=settings.timezone,
        interval_s=settings.publish_interval,
        is_shareable=settings.shareable_log,
        clock=services.store.clock,
        metrics=services.metrics,
    )
    publisher = threading.Thread(target=runner.run_forever, args=(stop,), name="publisher", daemon=True)
    publisher.start()
    return publisher


async def _keep_retention(services: Services) -> None:
    """Erase what is older than `RETENTION_DAYS`, hour by hour; the publisher takes it through the log."""
    days = services.settings.retention_days
    while days:
        try:
            erased = await asyncio.to_thread(
                prune, services.store, days, services.store.clock(), actor="retention"
            )
            if erased.threads:
                logger.info("%d threads older than %d days were erased", erased.threads, days)
        except GuichetError as error:
            logger.error("Retention did not run: %s", error)
        await asyncio.sleep(RETENTION_PAUSE_S)


async def _recover_turns(services: Services) -> None:
    """Give up the turns of replicas that died, or that no start could write off, whether anybody asks or not."""
    store = services.store
    while True:
        await asyncio.sleep(RECOVERY_PAUSE_S)
        # A store that does not answer now is asked again.
        with suppress(GuichetError):
            lost = await store.write_async(leases.recover_turns, store.clock())
            if lost:
                logger.warning("%d answers of a service that died are kept as interrupted", len(lost))


def _add_login_page(app: FastAPI) -> None:
    services: Services = app.state.services
    title = "Guichet"

    def show(request: Request, error: GuichetError | None, status: int) -> Response:
        language = choose_language(services.settings, request.headers.get("accept-language", ""))
        sentence = explain_error(language, error) if error else None
        response = HTMLResponse(render_login(language, error=sentence, title=title), status)
        if (seconds := getattr(error, "retry_after_s", None)) is not None:
            response.headers["retry-after"] = str(seconds)
        return response

    @app.get("/login", include_in_schema=False)
    async def show_login(request: Request) -> Response:
        if await services.access.check_open() or request.scope["state"]["login"]:
            return RedirectResponse("/", status_code=303)
        return show(request, None, 200)

    @app.post("/login", include_in_schema=False)
    async def take_login(request: Request) -> Response:
        form = parse_qs((await request.body()).decode("utf-8", "replace"))
        password = clean_text(form.get("password", [""])[0])[:1000]
        try:
            _, token = await services.access.come_in(password, read_address(request.scope))
        except GuichetError as error:
            return show(request, error, STATUS_OF_CODE.get(error.code, 500))
        response = RedirectResponse("/", status_code=303)
        set_cookie(request, response, token)
        return response


def _check_variables() -> None:
    """Refuse what would change Gradio behind our back: sharing, allowed paths, its own servers."""
    found = [name for name in find_variables("GRADIO_") if name not in HARMLESS_VARIABLES]
    if found:
        raise SettingsError(
            [f"{name}: Gradio's own variables are not used here. Unset it." for name in found]
        )
