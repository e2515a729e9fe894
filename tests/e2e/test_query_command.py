"""`photosearch query` and `similar` over the sample photos: what is found, how it is printed.

In this process, where streams and imports are no matter.
"""

from __future__ import annotations

import io
import json
import os
import pty
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.command import SAMPLES, Command
from tests.here import Here
from tests.make import jpeg, picture, write_photos

CAT = SAMPLES / "animals" / "cat.jpg"
KITTEN = SAMPLES / "animals" / "kitten-playing.jpg"


@pytest.fixture(scope="module")
def sampled(sampled: Command) -> Here:
    """The command with the sample photos indexed, run in this process."""
    return Here(sampled.folder)


@pytest.fixture
def photosearch(tmp_path: Path) -> Here:
    """The command with an empty library, run in this process."""
    return Here(tmp_path)


def names(lines: list[str]) -> list[str]:
    """Of lines with rank, relevance, path and reason, or with a score and a path, or paths."""
    return [Path((*line.split("\t"), "")[2 if line.count("\t") > 1 else -2]).name for line in lines]


class TestFinds:
    @pytest.mark.parametrize(
        ("text", "wanted"),
        [
            ("a cat", {"cat.jpg", "kitten-playing.jpg"}),
            ("two dogs", {"dogs-at-door.jpg"}),
            ("a cup of coffee", {"coffee-cup.jpg"}),
            ("a parrot", {"parrot.jpg"}),
            ("horses in a field", {"horses.jpg"}),
            ("mountains", {"mountain-lake.jpg"}),
            ("一只猫", {"cat.jpg", "kitten-playing.jpg"}),
            ("马", {"horses.jpg"}),
        ],
    )
    def test_by_text(self, sampled: Command, text: str, wanted: set[str]) -> None:
        assert wanted & set(names(sampled("query", text, "-k", "3").lines))

    def test_by_example(self, sampled: Command) -> None:
        found = names(sampled("similar", CAT, "-k", "3").lines)
        assert found[0] == "kitten-playing.jpg"
        assert "cat.jpg" not in found
        itself = sampled("query", "--image", CAT, "-k", "1", "--include-self", "--json").json
        assert itself["hits"][0]["path"] == str(CAT)
        assert itself["hits"][0]["score"] > 0.999

    def test_example_that_is_not_in_the_library(self, sampled: Command, tmp_path: Path) -> None:
        from PIL import Image

        smaller = tmp_path / "smaller.png"
        with Image.open(CAT) as image:
            image.resize((225, 150)).save(smaller)
        assert names(sampled("similar", smaller, "-k", "2").lines)[0] == "cat.jpg"

    def test_moved_example_is_known_by_its_content(self, sampled: Command, tmp_path: Path) -> None:
        shutil.copy(CAT, tmp_path / "renamed.jpg")
        assert "cat.jpg" not in names(sampled("similar", tmp_path / "renamed.jpg").lines)

    def test_example_from_standard_input(self, sampled: Command) -> None:
        found = sampled("query", "--image", "-", "-k", "2", stdin=CAT.read_bytes())
        assert names(found.lines)[0] == "kitten-playing.jpg"

    def test_plus_and_minus_move_the_ranking(self, sampled: Command) -> None:
        def score(name: str, *arguments: str) -> float:
            hits = sampled("query", *arguments, "-k", "100", "--json").json["hits"]
            return next(hit["score"] for hit in hits if hit["path"].endswith(name))

        plain = score("horses.jpg", "animals")
        assert score("horses.jpg", "animals", "--plus", "horses") > plain
        assert score("horses.jpg", "animals", "--minus", "horses") < plain
        half = score("horses.jpg", "animals", "--plus", "horses", "--weight", "plus=0.2")
        assert plain < half < score("horses.jpg", "animals", "--plus", "horses")

    def test_less_like_an_image(self, sampled: Command) -> None:
        """The kittens, which come next to the cat, fall behind."""
        plain = sampled("query", "an animal", "-k", "41", "--paths").lines
        less = sampled("query", "an animal", "--unlike", CAT, "-k", "41", "--paths").lines
        kittens = next(path for path in plain if path.endswith("kitten-playing.jpg"))
        assert less.index(kittens) > plain.index(kittens)
        part = sampled("query", "an animal", "--unlike", CAT, "--json").json["parts"][1]
        assert part == {"kind": "unlike", "value": str(CAT), "weight": -0.5}

    def test_text_and_example_together(self, sampled: Command) -> None:
        found = sampled("query", "a city at night", "--image", CAT, "-k", "6").lines
        assert {"kitten-playing.jpg", "city-skyline-night.jpg"} <= set(names(found))

    def test_folders_and_dates(self, sampled: Command) -> None:
        def found(*arguments: str | Path) -> set[str]:
            done = sampled("query", "a cat", "-k", "100", "--paths", *arguments)
            return {Path(line).parent.name for line in done.lines}

        assert found("--in", SAMPLES / "signs") == {"signs"}
        assert "animals" not in found("--not-in", SAMPLES / "animals")
        assert found("--in", SAMPLES / "signs", "--in", SAMPLES / "life") == {"signs", "life"}
        dated = sampled("query", "x", "--after", "2017", "--before", "2018", "--json").json
        assert {Path(hit["path"]).name for hit in dated["hits"]} == {
            "statue-san-diego.jpg",
            "jaguar.jpg",
        }
        assert all(hit["taken_at"].startswith("2017") for hit in dated["hits"])

    def test_relative_folder(self, sampled: Command) -> None:
        done = sampled("query", "x", "--in", "signs", "--paths", "-k", "50", cwd=SAMPLES)
        assert len(done.lines) == len(list((SAMPLES / "signs").iterdir()))

    def test_min_score(self, sampled: Command) -> None:
        hits = sampled("query", "a cat", "-k", "50", "--json").json["hits"]
        cut = hits[2]["score"] - 1e-6
        fewer = sampled("query", "a cat", "-k", "50", "--min-score", str(cut), "--json").json
        assert [hit["path"] for hit in fewer["hits"]] == [hit["path"] for hit in hits[:3]]
        nothing = sampled("query", "a cat", "--min-score", "0.99", code=1)
        assert nothing.out == b""
        assert "nothing found within --min-score" in nothing.err


class TestForms:
    def test_piped_lines_are_plain(self, sampled: Command) -> None:
        done = Command(sampled.folder)("query", "a cat", "-k", "2")
        rank, relevance, path, reason = done.lines[0].split("\t")
        assert (rank, path) == ("1", str(CAT))
        assert 50 < int(relevance.removesuffix(" %")) <= 100
        assert reason == f"looks like {relevance}"
        assert b"\033" not in done.out
        assert done.err == ""

    def test_json(self, sampled: Command) -> None:
        document = sampled("query", "a cat", "-k", "1", "--json").json
        (hit,) = document["hits"]
        assert (document["version"], document["query"], document["model"]) == (1, "a cat", "mini")
        assert set(hit) >= {"rank", "path", "score", "photo", "width", "height", "taken_at"}
        assert (hit["rank"], hit["path"], hit["width"], hit["height"]) == (1, str(CAT), 451, 300)
        looks = {"cosine": hit["score"], "rank": 1, "relevance": hit["relevance"]}
        assert hit["evidence"] == {"looks_like": looks}
        assert document["matches_well"] is True

    def test_paths_scores_and_nul(self, sampled: Command) -> None:
        wanted = [os.fsencode(CAT), os.fsencode(KITTEN)]
        assert sampled("query", "a cat", "-k", "2", "--paths").out.split(b"\n")[:-1] == wanted
        assert sampled("query", "a cat", "-k", "2", "-0").out.split(b"\0")[:-1] == wanted
        scored = sampled("query", "a cat", "-k", "2", "--scores").lines
        assert [line.split("\t")[1] for line in scored] == [str(CAT), str(KITTEN)]

    def test_forms_exclude_each_other(self, sampled: Command) -> None:
        done = sampled("query", "a cat", "--json", "--paths", code=2)
        assert "--json and --paths exclude each other" in done.err

    def test_on_a_terminal(self, sampled: Command) -> None:
        text = on_terminal(sampled, "query", "a cat", "-k", "2")
        assert f"\033]8;;{CAT.as_uri()}\033\\" in text
        assert "looks like it, 9" in text
        assert "% sure" in text

    def test_names_are_shown_escaped_and_printed_raw(
        self, photosearch: Command, tmp_path: Path
    ) -> None:
        odd = [b"new\nline.jpg", b"\x1b[31mred.jpg", b"\xff\xfe.jpg", "\u202egpj.exe.jpg".encode()]
        folder = tmp_path / "photos"
        folder.mkdir()
        for number, name in enumerate(odd):
            (folder / os.fsdecode(name)).write_bytes(jpeg(picture(number)))
        photosearch("index", "-q", folder)
        apart = Command(photosearch.folder)
        raw = apart("query", "x", "-0").out.split(b"\0")[:-1]
        assert {os.path.basename(path) for path in raw} == set(odd)
        shown = apart("query", "x")
        assert len(shown.lines) == 4
        assert b"\x1b" not in shown.out
        assert "\u202e" not in shown.text
        paths = [hit["path"] for hit in photosearch("query", "x", "--json").json["hits"]]
        assert {os.path.basename(os.fsencode(path)) for path in paths} == set(odd)

    def test_copies(self, photosearch: Command, tmp_path: Path) -> None:
        (one,) = write_photos(tmp_path / "photos", 1)
        shutil.copy(one, one.with_name("zcopy.jpg"))
        photosearch("index", "-q", one.parent)
        (hit,) = photosearch("query", "x", "--json").json["hits"]
        assert (hit["path"], hit["copies"]) == (str(one), [str(one.with_name("zcopy.jpg"))])
        assert len(photosearch("query", "x", "--paths").lines) == 1
        assert len(photosearch("query", "x", "--paths", "--all-copies").lines) == 2

    def test_reader_that_leaves_early(self, sampled: Command) -> None:
        command = f"{sys.executable} -m photosearch query 'a cat' -k 1000 --paths | head -1"
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command], env=sampled.env, capture_output=True
        )
        assert (done.returncode, done.stderr) == (0, b"")


class TestRefuses:
    @pytest.mark.parametrize(
        ("arguments", "message", "hint"),
        [
            ([], "nothing to search for", "photosearch query"),
            ([""], "the query is empty", "photosearch query"),
            ([str(CAT)], "is an image file", f"--image {CAT}"),
            (["--image", "nowhere.jpg"], "nowhere.jpg: no such file", ""),
            (["--image", str(SAMPLES)], "is a folder, not an image", ""),
            (["--image", __file__], "text, not an image", ""),
            (["--image", "ftp://host/a.jpg"], "only http and https", ""),
            (["x", "--weight", "colour=1"], "not understood", "--weight image=0.5"),
            (["x", "--weight", "plus=1"], "no such part", "parts of this query: text"),
            (["x", "--minus", "x"], "cancel each other out", ""),
            (["x", "--in", "/nowhere"], "not in any indexed folder", "photosearch status"),
            (["x", "--after", "Junember"], "'Junember' is no date", "2024-06"),
            (["x", "--language", "xx"], "no text tower for language 'xx'", "en, zh"),
            (["x", "--model", "nothing"], "no model of the name", "models list"),
            (["x", "-k", "0"], "-k must be 1 or more", ""),
            (["x", "--nonsense"], "--nonsense", ""),
        ],
    )
    def test_with_one_line_and_what_to_do(
        self, sampled: Command, arguments: list[str], message: str, hint: str
    ) -> None:
        done = sampled("query", *arguments, code=2)
        assert message in done.err
        assert hint in done.err
        assert done.out == b""

    def test_errors_in_json(self, sampled: Command) -> None:
        apart = Command(sampled.folder)
        error = apart("query", "x", "--after", "Junember", "--json", code=2).json["error"]
        assert error["kind"] == "WrongUse"
        assert "Junember" in error["message"]
        assert error["hint"]

    def test_without_a_library(self, photosearch: Command) -> None:
        done = Command(photosearch.folder)("query", "a cat", code=2)
        assert done.err == (
            f"photosearch: there is no library in {photosearch.library}\n"
            "try: photosearch index FOLDER\n"
        )

    def test_empty_library(self, photosearch: Command, tmp_path: Path) -> None:
        (tmp_path / "photos").mkdir()
        assert "no photos found" in photosearch("index", tmp_path / "photos").text
        done = photosearch("query", "a cat", code=1)
        assert "holds no photos yet" in done.err
        assert photosearch("query", "a cat", "--json", code=1).json["hits"] == []

    def test_debug_shows_where(self, sampled: Command) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "photosearch", "--debug", "query", ""],
            env=sampled.env,
            capture_output=True,
        )
        assert b"Traceback" in done.stderr
        assert done.returncode == 2


class TestAddresses:
    @pytest.fixture
    def server(self) -> Iterator[str]:
        with serving() as address:
            yield address

    def test_image(self, sampled: Command, server: str) -> None:
        assert names(sampled("similar", f"{server}/cat.jpg", "-k", "1").lines) == [
            "kitten-playing.jpg"
        ]

    def test_behind_a_redirect(self, sampled: Command, server: str) -> None:
        assert sampled("similar", f"{server}/moved").lines

    @pytest.mark.parametrize(
        ("path", "message"),
        [
            ("/page", "is no image: the server says text/html"),
            ("/none", "404"),
            ("/large", "more than 50 MiB"),
            ("/empty", "empty"),
            ("/to-file", "not allowed"),
            ("/rubbish", "not an image"),
        ],
    )
    def test_what_is_no_image(self, sampled: Command, server: str, path: str, message: str) -> None:
        assert message in sampled("similar", server + path, code=2).err

    def test_no_server(self, sampled: Command) -> None:
        assert "cannot be fetched from 127.0.0.1" in (
            sampled("similar", "http://127.0.0.1:9/a.jpg", code=2).err
        )


@contextmanager
def serving() -> Iterator[str]:
    """A web server on this machine with an image, and what is none."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answers: dict[str, tuple[int, str, bytes]] = {
                "/cat.jpg": (200, "image/jpeg", CAT.read_bytes()),
                "/page": (200, "text/html", b"<html>"),
                "/large": (200, "image/jpeg", bytes(60 << 20)),
                "/empty": (200, "image/jpeg", b""),
                "/rubbish": (200, "image/jpeg", b"rubbish"),
                "/moved": (302, "/cat.jpg", b""),
                "/to-file": (302, CAT.as_uri(), b""),
            }
            code, kind, body = answers.get(self.path, (404, "text/plain", b""))
            self.send_response(code)
            self.send_header("Location" if code == 302 else "Content-Type", kind)
            self.end_headers()
            with suppress(OSError):  # the client may have seen enough
                self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def on_terminal(command: Command, *arguments: str) -> str:
    """What the command prints on a terminal."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "photosearch", *arguments],
        stdout=slave,
        stdin=slave,
        stderr=slave,
        env={**command.env, "TERM": "xterm-256color"},
    )
    os.close(slave)
    output = io.BytesIO()
    while True:
        try:
            block = os.read(master, 4096)
        except OSError:  # Linux says EIO when the other side is closed
            break
        if not block:
            break
        output.write(block)
    os.close(master)
    assert process.wait() == 0
    return output.getvalue().decode()


def test_repeated_text_is_the_same_without_the_model(sampled: Command) -> None:
    first = sampled("query", "a very special cat", "--json").json
    apart = Command(sampled.folder)
    again = apart("query", "a very special cat", "--json", python=["-X", "importtime"])
    assert json.loads(again.out) == first
    loaded = {line.rsplit("|")[-1].strip() for line in again.err.splitlines()}
    assert not {"onnxruntime", "tokenizers"} & loaded


def test_nothing_is_left_in_the_home_folder(photosearch: Command, tmp_path: Path) -> None:
    """No library reports anything: ONNX Runtime would keep its events and an identifier there."""
    (tmp_path / "photos").mkdir()
    shutil.copy(SAMPLES / "signs" / "exit-sign.jpg", tmp_path / "photos")
    command = Command(photosearch.folder)
    command("index", "--quiet", "--words", tmp_path / "photos")
    assert command("query", "--words", "EXIT").lines
    command("query", "a sign")
    home = photosearch.folder / "home"
    assert [str(path) for path in home.rglob("*") if path.is_file()] == []
