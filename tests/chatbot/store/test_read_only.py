"""A data folder that takes no writes for a while: what is said, what goes on, and that it heals."""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
from pathlib import Path

PR_CAPBSET_DROP = 24
CAP_DAC_OVERRIDE = 1

# One who was there before the folder was closed to writers, and one who comes afterwards.
SCRIPT = """
import json, logging, sys
from datetime import UTC, datetime
from pathlib import Path
from chatbot.errors import GuichetError
from chatbot.log.publisher import Publisher
from chatbot.log.verify import verify
from chatbot.store.engine import Store
from chatbot.store.changes import take_change, read_counter

data = Path(sys.argv[1])
path = data / "private" / "guichet.db"
told = {}

def try_to(name, job, *arguments):
    try:
        told[name] = job(*arguments) or "done"
    except GuichetError as error:
        told[name] = f"{error.code}: {error}"

def publish(publisher):
    return publisher.publish().generation

def allow(folder_mode, file_mode):
    for place in [data, *data.rglob("*")]:
        if not place.is_symlink():
            place.chmod(folder_mode if place.is_dir() else file_mode)

before = Store(path)
before.write(take_change)
publisher = Publisher(before, data, timezone="UTC", interval_s=1)
publisher.publish()
allow(0o500, 0o400)
after = Store(path)
after.start_writer()
try_to("read", after.read, read_counter)
try_to("write", after.write, take_change)
try_to("publish", publish, publisher)
allow(0o700, 0o600)
try_to("written again", after.write, take_change)
try_to("published again", publish, publisher)
told["faults"] = len(verify(before, data))
publisher.close()
after.close()
before.close()
print(json.dumps(told))
"""


def obey_modes() -> None:
    """Let the modes of files hold for root too."""
    ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0)


def test_folder_gone_read_only_is_told_and_heals(tmp_path: Path) -> None:
    """Reading goes on; what cannot be written says why, and can again, without a restart, once the folder allows it."""
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "data")]
    ended = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, preexec_fn=obey_modes
    )
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert told["read"] == 1
    assert told["write"].startswith("store_unavailable: The store") and "rights" in told["write"]
    assert "rights" in told["publish"] and "Traceback" not in ended.stderr
    assert (told["written again"], told["published again"], told["faults"]) == (2, 2, 0)
