"""`photosearch mcp`, asked by the protocol package's own client over the real command's pipes."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.command import SAMPLES, Command
from tests.contents import contents_of
from tests.here import Here

mcp = pytest.importorskip("mcp", reason="the extra photosearch[mcp] is not installed")
jsonschema = pytest.importorskip("jsonschema")

import anyio.from_thread  # noqa: E402

CAT = SAMPLES / "animals" / "cat.jpg"
KEYBOARD = SAMPLES / "signs" / "midi-keyboard.jpg"
TOOLS = {
    "search_photos",
    "similar_photos",
    "photo_facts",
    "photo_thumbnail",
    "locate_in_photo",
    "library_status",
}

GREETING = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}


class Assistant:
    """An assistant at the other end of the pipes."""

    def __init__(self, portal: Any, session: Any, greeting: Any) -> None:
        self._portal = portal
        self._session = session
        self.greeting = greeting

    def tools(self) -> dict[str, Any]:
        return {tool.name: tool for tool in self._portal.call(self._session.list_tools).tools}

    def call(self, name: str, /, **arguments: Any) -> Any:
        return self._portal.call(self._session.call_tool, name, arguments)

    def ask(self, name: str, /, **arguments: Any) -> dict[str, Any]:
        """The document of an answer that is none of an error."""
        result = self.call(name, **arguments)
        assert not result.is_error, result.content[0].text
        document: dict[str, Any] = result.structured_content
        return document

    def text(self, name: str, /, **arguments: Any) -> str:
        result = self.call(name, **arguments)
        assert not result.is_error, result.content[0].text
        return str(result.content[-1].text)

    def error(self, name: str, /, **arguments: Any) -> str:
        result = self.call(name, **arguments)
        assert result.is_error
        assert result.structured_content is None
        text = str(result.content[0].text)
        assert "Traceback" not in text
        assert "unexpected" not in text
        return text


@contextmanager
def assistant(command: Command, *options: str, cwd: Path | None = None) -> Iterator[Assistant]:
    @asynccontextmanager
    async def connected() -> Any:
        server = mcp.StdioServerParameters(
            command=sys.executable,
            args=["-m", "photosearch", "mcp", *options],
            env=command.env,
            cwd=cwd,
        )
        with open(os.devnull, "w") as said:
            async with (
                mcp.stdio_client(server, errlog=said) as (incoming, outgoing),
                mcp.ClientSession(incoming, outgoing) as session,
            ):
                yield session, await session.initialize()

    with (
        anyio.from_thread.start_blocking_portal() as portal,
        portal.wrap_async_context_manager(connected()) as (session, greeting),
    ):
        yield Assistant(portal, session, greeting)


@pytest.fixture(scope="module")
def asked(worded: Command, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assistant]:
    """An assistant of the library with words, started in a folder that is none of its own."""
    with assistant(worded, cwd=tmp_path_factory.mktemp("elsewhere")) as one:
        yield one


def names(document: dict[str, Any]) -> list[str]:
    return [Path(hit["path"]).name for hit in document["hits"]]


def picture_of(result: Any) -> Image.Image:
    (content,) = (one for one in result.content if one.type == "image")
    assert content.mime_type == "image/jpeg"
    image = Image.open(io.BytesIO(base64.b64decode(content.data)))
    image.load()
    return image


class TestTools:
    def test_they_say_what_they_do_and_that_they_only_read(self, asked: Assistant) -> None:
        assert asked.greeting.server_info.name == "photosearch"
        assert "never instructions" in asked.greeting.instructions
        tools = asked.tools()
        assert set(tools) == TOOLS
        for tool in tools.values():
            assert tool.annotations.read_only_hint
            assert tool.annotations.open_world_hint is False
            assert len(tool.description) > 100
            jsonschema.Draft202012Validator.check_schema(tool.input_schema)
            if tool.output_schema:
                jsonschema.Draft202012Validator.check_schema(tool.output_schema)
            for about in tool.input_schema["properties"].values():
                assert about["description"]

    def test_every_filter_is_a_parameter(self, asked: Assistant) -> None:
        from photosearch.search.filters import options

        known = asked.tools()["search_photos"].input_schema["properties"]
        assert {one.name for one in options() if not one.metadata["negates"]} <= set(known)


class TestSearching:
    def test_the_best_hit_comes_first_and_says_why(self, asked: Assistant) -> None:
        found = asked.ask("search_photos", query="a midi keyboard", k=3)
        first = found["hits"][0]
        assert first["path"] == str(KEYBOARD)
        assert first["why"].startswith('reads "MIDI KEYBOARD"')
        assert first["relevance"] > 0.8
        assert found["matches_well"] is True

    def test_hits_are_those_of_the_command(self, asked: Assistant, worded: Command) -> None:
        for query in ("a cat", 'a sign "EXIT"', "an animal -type:webp"):
            theirs = worded("query", query, "-k", "5", "--json").json["hits"]
            ours = asked.ask("search_photos", query=query, k=5, min_relevance=0)["hits"]
            assert [hit["path"] for hit in ours] == [hit["path"] for hit in theirs]
            for mine, other in zip(ours, theirs, strict=True):
                assert other["photo"].startswith(mine["photo"])
                assert mine["relevance"] == pytest.approx(other["relevance"], abs=0.005)

    def test_detail_is_the_document_of_the_command(self, asked: Assistant, worded: Command) -> None:
        (theirs,) = worded("query", "midi keyboard", "-k", "1", "--json").json["hits"]
        (ours,) = asked.ask("search_photos", query="midi keyboard", k=1, detail=True)["hits"]
        assert ours["evidence"]["reads"] == theirs["evidence"]["reads"]
        assert ours["score"] == pytest.approx(theirs["score"], abs=1e-3)

    def test_pages_follow_each_other(self, asked: Assistant) -> None:
        whole = asked.ask("search_photos", query="an animal", k=6, min_relevance=0)
        pages = [
            asked.ask("search_photos", query="an animal", k=2, offset=start, min_relevance=0)
            for start in (0, 2, 4)
        ]
        assert [name for page in pages for name in names(page)] == names(whole)
        assert all(page["more"] for page in pages)
        last = asked.ask("search_photos", query="an animal", k=50, min_relevance=0)
        assert last["more"] is False

    def test_what_probably_is_not_meant_is_cut_short_and_said(self, asked: Assistant) -> None:
        found = asked.ask("search_photos", query="a submarine under water")
        assert found["matches_well"] is False
        assert len(found["hits"]) == 2
        assert all(hit["why"].startswith("weak") for hit in found["hits"])
        assert "nothing in this library matches well" in found["notes"][0]
        assert found["more"] is True
        text = asked.text("search_photos", query="a submarine under water")
        assert text.startswith("nothing in this library matches well")

    def test_filters_are_parameters_and_qualifiers(self, asked: Assistant) -> None:
        by_parameter = asked.ask("search_photos", type=["webp"])
        assert by_parameter["total"] == 1
        assert names(by_parameter) == names(asked.ask("search_photos", query="type:webp"))
        both = asked.ask("search_photos", query="an animal type:webp", type="jpeg")
        assert both["hits"] == []
        assert asked.ask("search_photos", name="cat.jpg", min_megapixels="0.1")["total"] == 1

    def test_without_anything_all_photos_are_listed(self, asked: Assistant) -> None:
        listed = asked.ask("search_photos", k=3)
        assert listed["total"] == 16
        assert len(listed["hits"]) == 3
        dates = [hit.get("taken_at", "") for hit in asked.ask("search_photos", k=50)["hits"]]
        assert dates == sorted(dates, reverse=True)

    def test_nothing_found_says_why(self, asked: Assistant) -> None:
        found = asked.ask("search_photos", query="zeppelin", words=True)
        assert found["hits"] == []
        assert found["notes"] == ["no photo shows these printed words"]

    def test_by_example_for_and_against(self, asked: Assistant) -> None:
        cat = asked.ask("search_photos", name="cat.jpg")["hits"][0]["photo"]
        assert names(asked.ask("similar_photos", photo=cat, k=1)) == ["kitten-playing.jpg"]
        assert names(asked.ask("similar_photos", photo=str(CAT), k=1)) == ["kitten-playing.jpg"]
        assert names(asked.ask("similar_photos", photo="cat.jpg", k=1)) == ["kitten-playing.jpg"]
        against = asked.ask("search_photos", query="a cat", unlike=cat, k=16)
        assert names(against)[0] != "cat.jpg"
        assert names(asked.ask("search_photos", like=[cat], plus=["an exit sign"], k=16))


class TestOnePhoto:
    def test_facts(self, asked: Assistant) -> None:
        known = asked.ask("photo_facts", photo="midi-keyboard.jpg")
        assert known["photo"] == hashlib.sha256(KEYBOARD.read_bytes()).hexdigest()
        assert known["paths"] == [str(KEYBOARD)]
        assert (known["width"], known["height"]) == (1024, 768)
        assert "MIDI KEYBOARD" in [line["text"] for line in known["words"]]
        assert "box" not in known["words"][0]
        assert "box" in asked.ask("photo_facts", photo=str(KEYBOARD), detail=True)["words"][0]
        assert "printed: MIDI KEYBOARD" in asked.text("photo_facts", photo=known["photo"][:8])

    def test_thumbnail_is_a_small_jpeg_of_it(self, asked: Assistant) -> None:
        result = asked.call("photo_thumbnail", photo=str(KEYBOARD), size=200)
        image = picture_of(result)
        assert image.size == (200, 150)
        assert str(KEYBOARD) in result.content[-1].text
        with Image.open(KEYBOARD) as original:
            small = original.convert("RGB").resize((20, 15), Image.Resampling.BOX)
        pairs = zip(
            small.tobytes(), image.resize((20, 15), Image.Resampling.BOX).tobytes(), strict=True
        )
        assert sum(abs(one - other) for one, other in pairs) / 900 < 6

    def test_thumbnail_holds_nothing_but_pixels(self, photosearch: Command, tmp_path: Path) -> None:
        """No comment, position or camera of the photo's file goes to the assistant."""
        photo = tmp_path / "photos" / "noise.jpg"
        photo.parent.mkdir()
        exif = Image.Exif()
        exif[0x010E] = "a secret description"
        noise = Image.effect_noise((2000, 1600), 120).convert("RGB")
        noise.save(photo, comment="a secret comment", exif=exif)
        Here(photosearch.folder)("index", "--quiet", photo.parent)
        with assistant(photosearch) as one:
            result = one.call("photo_thumbnail", photo=str(photo), size=1568)
        (content,) = (part for part in result.content if part.type == "image")
        data = base64.b64decode(content.data)
        assert b"secret" in photo.read_bytes()
        assert b"secret" not in data
        assert len(content.data) < 1_000_000  # what assistants take as one answer
        image = picture_of(result)
        assert 400 < image.width < 1568
        assert not image.getexif()

    def test_where_in_it(self, asked: Assistant) -> None:
        found = asked.ask("locate_in_photo", photo=str(CAT), what=["a cat"])
        best = found["regions"][0]
        x0, y0, x1, y1 = best["box"]
        assert best["label"] == "a cat"
        assert 0 <= x0 < x1 <= found["width"]
        assert 0 <= y0 < y1 <= found["height"]

    def test_what_there_is(self, asked: Assistant) -> None:
        about = asked.ask("library_status")
        assert about["photos"] == about["library"]["photos"] == 16
        formats = {one["value"]: one for one in about["formats"]}
        assert formats["webp"]["photos"] == 1
        assert asked.ask("search_photos", query=formats["webp"]["filter"])["total"] == 1
        few = asked.ask("library_status", query="type:webp")
        assert (few["photos"], few["library"]["photos"]) == (1, 16)


class TestErrors:
    @pytest.mark.parametrize(
        ("tool", "arguments", "said"),
        [
            ("search_photos", {"after": "Junember"}, "no date"),
            ("search_photos", {"camra": "x"}, "there is no argument 'camra'"),
            ("search_photos", {"query": "camra:x"}, "no filter camra:"),
            ("search_photos", {"query": ["a", "b"]}, "query must be a text"),
            ("search_photos", {"query": "a" * 5000}, "query must be a text"),
            ("search_photos", {"k": 0}, "k must be a whole number from 1 to 50"),
            ("search_photos", {"k": 1e300}, "k must be"),
            ("search_photos", {"min_relevance": 7, "query": "x"}, "from 0 to 1"),
            ("search_photos", {"query": "x", "sort": "colour"}, "sort must be one of"),
            ("search_photos", {"within": 5}, "within needs near"),
            ("search_photos", {"query": "a cup", "small": True}, "the user can run: photosearch"),
            ("similar_photos", {}, "photo is missing"),
            ("similar_photos", {"photo": "0" * 64}, "no photo of the library"),
            ("similar_photos", {"photo": "0" * 65}, "no photo of the library"),
            ("photo_facts", {"photo": ""}, "no photo of the library"),
            ("photo_facts", {"photo": "\x00"}, "no photo of the library"),
            ("photo_facts", {"photo": "/\x00"}, "no photo of the library"),
            ("photo_facts", {"photo": "*.jpg"}, "no photo of the library"),
            ("photo_thumbnail", {"photo": "cat.jpg", "size": 1_000_000}, "from 64 to 1568"),
            ("locate_in_photo", {"photo": "cat.jpg", "what": []}, "what"),
        ],
    )
    def test_they_are_answers_that_say_what_to_do(
        self, asked: Assistant, tool: str, arguments: dict[str, Any], said: str
    ) -> None:
        text = asked.error(tool, **arguments)
        assert said in text
        assert "--" not in text.partition("the user can run")[0]

    def test_an_unknown_tool_is_refused(self, asked: Assistant) -> None:
        with pytest.raises(mcp.MCPError, match="no tool 'delete_photos'"):
            asked.call("delete_photos")

    def test_no_file_outside_the_library_is_read(self, asked: Assistant, tmp_path: Path) -> None:
        """A copy of a photo of the library lies outside: its path must mean nothing."""
        copy = tmp_path / "copy.jpg"
        shutil.copy(CAT, copy)
        (tmp_path / "notes.txt").write_text("secret")
        opened = os.stat(copy).st_atime_ns
        around = CAT.parent / ".." / ".." / ".." / ".." / "pyproject.toml"
        for name in (copy, tmp_path / "notes.txt", around, "file://" + str(copy)):
            for tool in ("similar_photos", "photo_facts", "photo_thumbnail"):
                assert "no photo of the library" in asked.error(tool, photo=str(name))
            for way in ("like", "unlike"):
                assert "no photo of" in asked.error("search_photos", query="a", **{way: str(name)})
        assert os.stat(copy).st_atime_ns == opened
        for there in (copy, tmp_path / "gone.jpg"):  # nor is it told which files there are
            assert "is a path" in asked.error("search_photos", query=str(there))

    def test_a_model_that_is_none(self, worded: Command) -> None:
        with assistant(worded, "--model", "ViT-Z/1") as one:
            assert "no model of the name" in one.error("search_photos", query="a cat")


class TestLibrary:
    def test_nothing_of_it_is_written(self, worded: Command) -> None:
        def files() -> dict[str, bytes]:
            return {
                str(path): hashlib.sha256(path.read_bytes()).digest()
                for path in sorted(worded.library.rglob("*"))
                if path.is_file() and path.suffix not in (".db-shm", ".db-wal")
            }

        before, rows = files(), contents_of(worded.library)
        with assistant(worded) as one:
            one.ask("search_photos", query="a dog by a door that nobody looked for before")
            one.ask("library_status")
            one.ask("locate_in_photo", photo="cat.jpg", what="a tail")
            picture_of(one.call("photo_thumbnail", photo="cat.jpg"))
            one.ask("photo_facts", photo="cat.jpg")
        assert files() == before
        assert contents_of(worded.library) == rows

    def test_a_first_index_another_one_and_lost_files_are_noticed(
        self, photosearch: Command, tmp_path: Path
    ) -> None:
        photos = tmp_path / "photos"
        photos.mkdir()
        shutil.copy(CAT, photos)
        with assistant(photosearch) as one:
            assert f"index --library {photosearch.library}" in one.error("search_photos", query="a")
            assert "there is no library" in one.error("photo_facts", photo="cat.jpg")

            Here(photosearch.folder)("index", "--quiet", photos)
            assert names(one.ask("search_photos", query="an exit sign")) == ["cat.jpg"]
            shutil.copy(SAMPLES / "signs" / "exit-sign.jpg", photos)
            Here(photosearch.folder)("index", "--quiet", photos)
            assert names(one.ask("search_photos", query="an exit sign"))[0] == "exit-sign.jpg"

            photo = one.ask("search_photos", name="cat.jpg")["hits"][0]["photo"]
            shutil.copy(KEYBOARD, photos / "cat.jpg")  # other content, not indexed yet
            assert "changed" in one.error("photo_thumbnail", photo=photo)
            assert "changed" in one.error("locate_in_photo", photo=photo, what="a cat")
            (photos / "cat.jpg").unlink()
            assert "cannot be shown" in one.error("photo_thumbnail", photo=photo)

    @pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux alone")
    def test_odd_names(self, photosearch: Command, tmp_path: Path) -> None:
        photos = os.fsencode(tmp_path) + b"/photos"
        os.mkdir(photos)
        odd = {b"k\xff\xfetzchen.jpg": CAT, "écran 浦东 🐈.jpg".encode(): KEYBOARD}
        odd[b"line\nend.jpg"] = SAMPLES / "signs" / "exit-sign.jpg"
        for name, source in odd.items():
            shutil.copy(source, photos + b"/" + name)
        Here(photosearch.folder)("index", "--quiet", photos)
        with assistant(photosearch) as one:
            found = one.ask("search_photos")["hits"]
            paths = {Path(hit["path"]).name: hit["photo"] for hit in found}
            assert set(paths) == {"k\\xff\\xfetzchen.jpg", "écran 浦东 🐈.jpg", "line\nend.jpg"}
            assert "line\\nend.jpg" in one.text("search_photos")
            for photo in paths.values():
                assert picture_of(one.call("photo_thumbnail", photo=photo)).width
                assert one.ask("photo_facts", photo=photo)["photo"].startswith(photo)
            assert one.ask("photo_facts", photo=f"{tmp_path}/photos/écran 浦东 🐈.jpg")["paths"]


class TestPrivacy:
    def test_without_thumbnails_there_is_no_such_tool(self, worded: Command) -> None:
        with assistant(worded, "--no-thumbnails", "--no-paths") as one:
            assert set(one.tools()) == TOOLS - {"photo_thumbnail"}
            with pytest.raises(mcp.MCPError):
                one.call("photo_thumbnail", photo="cat.jpg")
            told = [
                one.call("search_photos", query="a cat", k=50, detail=True, min_relevance=0),
                one.call("search_photos", query="nosuch:filter"),
                one.call("similar_photos", photo="cat.jpg", detail=True),
                one.call("photo_facts", photo="cat.jpg", detail=True),
                one.call("library_status"),
                one.call("locate_in_photo", photo="cat.jpg", what="a cat"),
            ]
            for result in told:
                text = result.model_dump_json()
                assert str(SAMPLES) not in text
                assert "cat.jpg" not in text


class TestProcess:
    def start(self, command: Command) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "photosearch", "mcp"],
            env=command.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def greet(self, process: subprocess.Popen[bytes]) -> dict[str, Any]:
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps(GREETING).encode() + b"\n")
        process.stdin.flush()
        answer: dict[str, Any] = json.loads(process.stdout.readline())
        return answer

    @pytest.mark.skipif(os.name == "nt", reason="signals")
    def test_ctrl_c_ends_it(self, worded: Command) -> None:
        with self.start(worded) as process:
            self.greet(process)
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=30) == 130
            assert process.stdout
            assert process.stderr
            assert process.stdout.read() == b""
            assert process.stderr.read() in (b"", b"photosearch: interrupted\n")

    def test_what_is_no_message_ends_nothing(self, worded: Command) -> None:
        with self.start(worded) as process:
            assert process.stdin
            process.stdin.write(b'hello\n\xff\xfe\n{"jsonrpc":"2.0"}\n')
            assert self.greet(process)["id"] == 1
            out, err = process.communicate(timeout=30)  # it ends with its standard input
        assert (process.returncode, out) == (0, b"")
        assert b"Traceback" not in err

    def test_the_entry_for_settings_starts_it(self, worded: Command, tmp_path: Path) -> None:
        entry = worded("mcp", "--config").json["mcpServers"]["photosearch"]
        assert Path(entry["command"]).is_absolute()
        bare = {"PATH": os.environ["PATH"], "HOME": worded.env["HOME"], **entry["env"]}
        done = subprocess.run(
            [entry["command"], *entry["args"]],
            env=bare,
            cwd=tmp_path,
            input=json.dumps(GREETING).encode() + b"\n",
            capture_output=True,
            timeout=60,
        )
        assert done.returncode == 0
        assert json.loads(done.stdout)["result"]["serverInfo"]["name"] == "photosearch"
        assert done.stderr == b""

    def test_without_the_package_it_says_what_to_install(
        self, worded: Command, tmp_path: Path
    ) -> None:
        (tmp_path / "mcp.py").write_text("raise ModuleNotFoundError('gone', name='mcp')")
        here = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); "
        start = here + "sys.argv = ['photosearch', 'mcp']; from photosearch.__main__ import main; "
        done = subprocess.run(
            [sys.executable, "-c", start + "main()"], env=worded.env, capture_output=True
        )
        assert done.returncode == 2
        assert done.stdout == b""
        assert b'pip install "photosearch[mcp]"' in done.stderr
