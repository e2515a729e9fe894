"""Talk with `photosearch mcp` as an assistant does: which tools there are, a search, a picture.

    pip install "photosearch[mcp]"
    python assistant.py "a cat" --save cat.jpg

Whatever stands after the text, but for --save, is handed to `photosearch mcp`: --library FOLDER.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import os
import sys
from pathlib import Path

from mcp import ClientSession, StdioServerParameters, stdio_client


async def talk(text: str, save: Path | None, options: list[str]) -> None:
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "photosearch", "mcp", *options], env=dict(os.environ)
    )
    async with (
        stdio_client(server) as (incoming, outgoing),
        ClientSession(incoming, outgoing) as session,
    ):
        await session.initialize()
        tools = (await session.list_tools()).tools
        print("tools:", ", ".join(tool.name for tool in tools))
        answer = await session.call_tool("search_photos", {"query": text, "k": 3})
        print(answer.content[0].text)
        if answer.is_error or not save or not answer.structured_content["hits"]:
            return
        best = answer.structured_content["hits"][0]["photo"]
        looked = await session.call_tool("photo_thumbnail", {"photo": best})
        for content in looked.content:
            if content.type == "image":
                save.write_bytes(base64.b64decode(content.data))
                print(f"the best one is in {save}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Search photos by the tools of an assistant.")
    parser.add_argument("text")
    parser.add_argument("--save", type=Path, metavar="FILE", help="a small picture of the best")
    asked, options = parser.parse_known_args()
    asyncio.run(talk(asked.text, asked.save, options))


if __name__ == "__main__":
    main()
