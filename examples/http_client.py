"""Ask a server for photos over HTTP, and save small pictures of them: Python alone is enough.

    photosearch serve                                      # in another terminal
    python http_client.py "a cat" --save previews
    python http_client.py "a cat" --url http://nas:8420 --token TOKEN

The server's page /docs lists what else there is to ask.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen


def get(address: str, token: str | None) -> bytes:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with urlopen(Request(address, headers=headers), timeout=30) as answer:
            return answer.read()
    except HTTPError as error:
        said = json.load(error)["error"]  # every error of the server is such a document
        raise SystemExit(f"{said['message']} ({said['hint'] or error.code})") from None
    except URLError as error:
        raise SystemExit(f"no server at {address}: {error.reason}") from None


def main() -> None:
    parser = argparse.ArgumentParser(description="Search photos over HTTP.")
    parser.add_argument("text")
    parser.add_argument("-k", type=int, default=5)
    parser.add_argument("--url", default="http://127.0.0.1:8420")
    parser.add_argument("--token")
    parser.add_argument("--save", type=Path, metavar="FOLDER", help="save small pictures there")
    asked = parser.parse_args()

    query = urlencode({"q": asked.text, "k": asked.k})
    answer = json.loads(get(f"{asked.url}/api/search?{query}", asked.token))
    for note in answer["notes"]:
        print(note)
    for hit in answer["hits"]:
        relevance = hit["relevance"]
        shown = "   -" if relevance is None else f"{relevance:4.0%}"
        print(shown, hit["path"].encode(errors="backslashreplace").decode())
        if asked.save:
            asked.save.mkdir(parents=True, exist_ok=True)
            preview = f"{asked.url}/api/photo/{hit['photo']}/preview?size=480"
            (asked.save / f"{hit['photo'][:16]}.webp").write_bytes(get(preview, asked.token))


if __name__ == "__main__":
    main()
