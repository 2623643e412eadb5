"""The child process that converts documents to Markdown; `conversion` starts it and speaks with it.

MarkItDown was measured first: it takes 250 MB on disk (70 of them a neural network that guesses file types), knows
no reStructuredText and finds no headings in a PDF. These are the libraries it stands on, without it: mammoth for
Word, pdfminer.six for PDF, markdownify for HTML; and docutils.
"""

from __future__ import annotations

import io
import json
import resource
import struct
import sys
import zipfile
from typing import Any

from chatbot.knowledge.formats.html import UnreadablePage, convert_html
from chatbot.knowledge.formats.pdf import UnreadablePdf, convert_pdf
from chatbot.knowledge.formats.rst import convert_rst

_LENGTH = struct.Struct(">Q")
_MOST_UNPACKED = 300_000_000
_REFUSED = (
    *("socket.", "subprocess.", "shutil.", "os.system", "os.exec", "os.fork", "os.posix_spawn"),
    *("os.remove", "os.rename", "os.mkdir", "os.link", "os.symlink"),
)
_WORD_STYLES = """
p[style-name='Title'] => h1:fresh
p[style-name='Code'] => pre:separator('\\n')
"""


def main() -> None:
    """Convert documents from the standard input until it ends; answer each on the standard output."""
    limit = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    source, target = sys.stdin.buffer, sys.stdout.buffer
    # What a library prints must not stand among the answers.
    sys.stdout = io.StringIO()
    _shut_in()
    while head := source.read(8 + _LENGTH.size):
        content = source.read(_LENGTH.unpack(head[8:])[0])
        body = json.dumps(answer(head[:8].decode().strip(), content)).encode()
        target.write(_LENGTH.pack(len(body)) + body)
        target.flush()


def answer(suffix: str, content: bytes) -> dict[str, str]:
    """Convert one document; give its `text`, or the `fault` that says why there is none."""
    try:
        text = _convert(suffix, content)
    except (UnreadablePage, UnreadablePdf) as error:
        return {"fault": str(error)}
    except MemoryError:
        return {"fault": "it needs too much memory to be converted; split it or save it as Markdown"}
    except RecursionError:
        return {"fault": "it is nested too deeply to be converted; save it as Markdown"}
    except Exception as error:  # noqa: BLE001
        # Whatever a library trips over in a damaged file; the edge where it becomes a sentence for the operator.
        return {
            "fault": f"it is damaged ({type(error).__name__}); open it, save it again, or save it as Markdown"
        }
    if not text.strip():
        return {"fault": "no text is found in it; save it as Markdown"}
    return {"text": text}


def _convert(suffix: str, content: bytes) -> str:
    if suffix == ".pdf":
        return convert_pdf(content)
    if suffix == ".docx":
        return _convert_docx(content)
    if suffix == ".rst":
        return convert_rst(content.decode())
    return convert_html(content)


def _convert_docx(content: bytes) -> str:
    if not zipfile.is_zipfile(io.BytesIO(content)):
        is_old = content.startswith(b"\xd0\xcf\x11\xe0")
        what = "protected by a password or of Word 97" if is_old else "cut short or no Word document"
        raise UnreadablePage(f"it is {what}; open it in Word and save it as .docx without a password")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > _MOST_UNPACKED:
            raise UnreadablePage(
                f"it unpacks to more than {_MOST_UNPACKED // 1_000_000} MB; remove its pictures"
            )
        if "word/document.xml" not in archive.namelist():
            raise UnreadablePage("it is a zip archive, no Word document; rename it")
    import mammoth

    ignored = mammoth.images.img_element(lambda image: {})
    html = mammoth.convert_to_html(io.BytesIO(content), style_map=_WORD_STYLES, convert_image=ignored).value
    return convert_html(f"<main>{html}</main>".encode())


def _shut_in() -> None:
    """Refuse, from here on, the network, other programs, and every file but the interpreter's and libraries' own."""
    places = tuple({sys.prefix, sys.base_prefix, sys.exec_prefix, *(path for path in sys.path if path)})

    def check(event: str, values: tuple[Any, ...]) -> None:
        if event.startswith(_REFUSED):
            raise PermissionError(f"{event} is refused while documents are converted")
        if event == "open" and isinstance(values[0], str) and not _is_own(values, places):
            raise PermissionError(f"{values[0]} is not opened while documents are converted")

    sys.addaudithook(check)


def _is_own(values: tuple[Any, ...], places: tuple[str, ...]) -> bool:
    path, mode, flags = values
    is_reading = not any(letter in (mode or "r") for letter in "wax+") and not (flags or 0) & 3
    return is_reading and (path.startswith(places) or path.startswith(("/usr/lib", "/usr/share/zoneinfo")))


if __name__ == "__main__":
    main()
