"""`photosearch locate` as people type it: what is found, drawn, shown, and refused."""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import shutil
import struct
import subprocess
import sys
import termios
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.main import get_command

from photosearch.cli.app import app
from tests.command import SAMPLES, Command
from tests.here import Here, surroundings
from tests.make import camera_exif, difference, jpeg, picture, stored_as
from tests.unit.test_terminal_pictures import from_blocks, from_iterm, from_kitty, from_sixels

CAT = SAMPLES / "animals" / "cat.jpg"
EXIT = SAMPLES / "signs" / "exit-sign.jpg"
STREET = SAMPLES / "signs" / "street-sign.jpg"


@pytest.fixture
def photosearch(tmp_path: Path) -> Here:
    """The command with the embedded model, whatever else is on this machine."""
    command = Here(tmp_path)
    command.env["PHOTOSEARCH_MODEL"] = "mini"
    return command


@pytest.fixture
def alone(photosearch: Here) -> Command:
    """The same as a process of its own."""
    command = Command(photosearch.folder)
    command.env["PHOTOSEARCH_MODEL"] = "mini"
    return command


@pytest.fixture(scope="session")
def sign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exit sign in a small photo, which is read in half the time."""
    path = tmp_path_factory.mktemp("sign") / "exit-sign.jpg"
    with Image.open(EXIT) as image:
        image.resize((320, 240)).save(path)
    return path


def rows(text: str) -> list[tuple[str, str, float, list[int]]]:
    """Lines of a pipe: path, label, score, [x, y, width, height]."""
    split = [line.split("\t") for line in text.splitlines()]
    return [
        (path, label, float(score), list(map(int, box.split(","))))
        for path, label, score, box in split
    ]


def shared(one: list[float], other: list[float]) -> float:
    """Intersection over union of boxes x0, y0, x1, y1."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    both = max(across, 0) * max(down, 0)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return both / (areas - both)


class TestAnswer:
    def test_lines_of_a_pipe_and_json_say_the_same(
        self, photosearch: Command, alone: Command
    ) -> None:
        asked = ["locate", "cat.jpg", "--what", "a cat，fur"]
        lines = rows(alone(*asked, cwd=CAT.parent).text)
        document = photosearch(*asked, "--json", cwd=CAT.parent).json
        (photo,) = document["photos"]
        assert document["version"] == 1
        assert (document["by"], document["model"], document["failed"]) == ("regions", "mini", [])
        with Image.open(CAT) as image:
            assert (photo["width"], photo["height"]) == image.size
        assert photo["path"] == "cat.jpg"
        assert [(line[0], line[1]) for line in lines] == [
            ("cat.jpg", region["label"]) for region in photo["regions"]
        ]
        assert {region["label"] for region in photo["regions"]} <= {"a cat", "fur"}
        scores = [region["score"] for region in photo["regions"]]
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= score <= 1 for score in scores)
        for line, region in zip(lines, photo["regions"], strict=True):
            x0, y0, x1, y1 = region["box"]
            assert 0 <= x0 < x1 <= photo["width"]
            assert 0 <= y0 < y1 <= photo["height"]
            assert np.abs(np.subtract(line[3], [x0, y0, x1 - x0, y1 - y0])).max() <= 1
        assert not photosearch.library.exists()  # none is needed, none is made
        # A threshold leaves out what scores less.
        limit = lines[len(lines) // 2][2]
        sure = [line for line in lines if line[2] >= limit]
        above = photosearch(*asked, "--threshold", str(limit - 0.00005), cwd=CAT.parent)
        assert rows(above.text) == sure
        assert len(sure) < len(lines)

    def test_the_best_of_each_label_of_a_file(self, photosearch: Command, tmp_path: Path) -> None:
        names = tmp_path / "things.txt"
        names.write_bytes("\ufeff# things\r\n猫\r\n\r\na submarine\r\n".encode())
        asked = ["locate", CAT, "--labels-file", names, "--threshold", "0", "--top", "1"]
        lines = rows(photosearch(*asked).text)
        assert [line[1] for line in lines] == ["猫", "a submarine"]
        assert lines[0][2] > 0.25 > lines[1][2]  # what is left out by itself

    def test_folder_without_the_library_and_the_pictures(
        self, photosearch: Command, tmp_path: Path, sign: Path
    ) -> None:
        folder = tmp_path / "photos"
        folder.mkdir()
        for name in ("a.jpg", "b.jpg"):
            shutil.copy(sign, folder / name)
        photosearch.env["PHOTOSEARCH_LIBRARY"] = str(folder / "library")
        (folder / "library").mkdir()
        shutil.copy(sign, folder / "library" / "thumb.jpg")
        asked = ["locate", folder, "--words", "EXIT", "--out", folder / "found"]
        first = photosearch(*asked)
        assert [Path(line[0]).name for line in rows(first.text)] == ["a.jpg", "b.jpg"]
        again = photosearch(*asked, "--force")  # its own pictures are no photos of that folder
        assert again.out == first.out
        assert sorted(os.listdir(folder / "found")) == ["a.jpg", "b.jpg"]


class TestWords:
    def test_the_line_is_found_where_it_is(self, photosearch: Command, tmp_path: Path) -> None:
        """Boxes are in upright pixels, whatever the file's orientation."""
        with Image.open(EXIT) as image:
            upright = image.convert("RGB")
        turned = tmp_path / "turned.jpg"
        turned.write_bytes(jpeg(stored_as(upright, 6), exif=camera_exif(orientation=6)))
        done = photosearch("locate", EXIT, turned, "--words", "exit", "--json").json
        plain, other = done["photos"]
        (region,) = plain["regions"]
        assert (done["by"], region["label"]) == ("words", "EXIT")
        assert region["score"] > 0.9
        # the sign's letters are white on green
        pixels = np.asarray(upright).astype(int)
        white = (pixels.min(-1) > 200)[150:420, 220:620]
        rows_, columns = np.flatnonzero(white.any(1)) + 150, np.flatnonzero(white.any(0)) + 220
        x0, y0, x1, y1 = region["box"]
        inside = (x0 - 12 <= 270 <= x1) and (y0 <= 300 <= y1)
        assert inside
        assert rows_[0] - 60 < y0 < rows_[-1]
        assert columns[0] - 60 < x0 < columns[-1]
        assert len(region["corners"]) == 4
        assert [min(x for x, _ in region["corners"]), max(y for _, y in region["corners"])] == [
            x0, y1,
        ]  # fmt: skip

        assert (other["width"], other["height"]) == upright.size
        assert shared(other["regions"][0]["box"], region["box"]) > 0.9


class TestSaved:
    def test_picture_shows_the_box_on_the_photo(self, photosearch: Command, tmp_path: Path) -> None:
        path = tmp_path / "drawn.png"
        done = photosearch("locate", EXIT, "--words", "EXIT", "--save", path, "--json")
        photo = done.json["photos"][0]
        assert photo["saved"] == str(path)
        with Image.open(path) as drawn, Image.open(EXIT) as before:
            assert drawn.size == before.size
            where = (np.asarray(drawn.convert("RGB")) != np.asarray(before.convert("RGB"))).any(-1)
        x0, y0, x1, y1 = map(round, photo["regions"][0]["box"])
        outside = where.copy()
        outside[y0 - 60 : y1 + 60, x0 - 20 : x1 + 20] = False
        assert not outside.any()
        assert where.any()
        inner = where[y0 + 8 : y1 - 8, x0 + 8 : x1 - 8]
        assert inner.mean() < 0.01

    def test_upright_and_without_the_place(self, photosearch: Command, tmp_path: Path) -> None:
        exif = camera_exif(orientation=8, place=(48.85, 2.35), camera="Secret Cam")
        with Image.open(EXIT) as image:
            upright = image.convert("RGB")
        photo = tmp_path / "photo.jpg"
        photo.write_bytes(jpeg(stored_as(upright, 8), exif=exif))
        path = tmp_path / "drawn.jpg"
        photosearch("locate", photo, "--words", "EXIT", "--save", path)
        with Image.open(path) as drawn:
            assert dict(drawn.getexif()) == {0x0131: "photosearch"}
            assert difference(drawn.convert("RGB"), upright) < 6
        content = path.read_bytes()
        assert b"Secret" not in content

    def test_very_large_photo_is_made_smaller(self, photosearch: Command, tmp_path: Path) -> None:
        photo = tmp_path / "large.jpg"
        with Image.open(EXIT) as image:  # the strip with the sign
            strip = image.convert("RGB").crop((0, 200, 1024, 456))
        photo.write_bytes(jpeg(strip.resize((6000, 1500))))
        path = tmp_path / "drawn.jpg"
        done = photosearch("locate", photo, "--words", "EXIT", "--save", path, "--json").json
        assert (done["photos"][0]["width"], done["photos"][0]["height"]) == (6000, 1500)
        with Image.open(path) as drawn:
            assert drawn.size == (4096, 1024)

    def test_many_photos_of_one_name(
        self, photosearch: Command, tmp_path: Path, sign: Path
    ) -> None:
        for place in ("a", "b"):
            (tmp_path / place).mkdir()
            shutil.copy(sign, tmp_path / place / "sign.jpg")
        (tmp_path / "cat.jpg").write_bytes(jpeg(picture(1)))
        (tmp_path / "bad.jpg").write_bytes(EXIT.read_bytes()[:5000])
        photos = [tmp_path / name for name in ("a/sign.jpg", "b/sign.jpg", "cat.jpg", "bad.jpg")]
        out = tmp_path / "deep" / "out"
        asked = ["locate", *photos, "--words", "EXIT", "--out", out]
        done = photosearch(*asked, "--json", code=3)
        saved = [photo["saved"] for photo in done.json["photos"]]
        assert saved == [str(out / "sign.jpg"), str(out / "sign-2.jpg"), None]
        assert sorted(os.listdir(out)) == ["sign-2.jpg", "sign.jpg"]
        assert [Path(one["path"]).name for one in done.json["failed"]] == ["bad.jpg"]
        assert "2 pictures in" in done.err
        shutil.copy(CAT, out / "sign.jpg")
        again = photosearch(*asked, "--json", code=3)  # drawn pictures are made anew, others stay
        assert [photo["saved"] for photo in again.json["photos"]] == [None, saved[1], None]
        assert again.err.count("exists already (--force writes over it)") == 1
        assert (out / "sign.jpg").read_bytes() == CAT.read_bytes()

    def test_photo_in_the_folder_of_pictures_stays(
        self, photosearch: Command, tmp_path: Path, sign: Path
    ) -> None:
        photo = tmp_path / "sign.jpg"
        shutil.copy(sign, photo)
        photosearch("locate", photo, "--words", "EXIT", "--out", tmp_path, "--force")
        assert photo.read_bytes() == sign.read_bytes()
        assert (tmp_path / "sign-2.jpg").exists()

    def test_nothing_found_saves_nothing(self, photosearch: Command, tmp_path: Path) -> None:
        path = tmp_path / "drawn.png"
        done = photosearch("locate", STREET, "--words", "EXIT", "--save", path, code=1)
        assert done.out == b""
        assert done.err == f"photosearch: {STREET}: nothing found\n"
        assert not path.exists()

    def test_characters_without_a_font_are_told(self, photosearch: Command, tmp_path: Path) -> None:
        (tmp_path / "none").mkdir()
        photosearch.env["PHOTOSEARCH_FONT"] = str(tmp_path / "none")
        path = tmp_path / "drawn.png"
        done = photosearch("locate", CAT, "--what", "猫", "--top", "1", "--save", path)
        assert "no font here has 猫" in done.err
        assert path.exists()
        photosearch.env["PHOTOSEARCH_FONT"] = str(CAT)
        wrong = photosearch("locate", CAT, "--what", "猫", "--save", tmp_path / "x.png", code=2)
        assert "no font that can be opened" in wrong.err


def on_terminal(command: Command, *arguments: str, **environ: str) -> tuple[int, str]:
    """Exit code, and what the command prints on a terminal of 100 x 40 cells of 10 x 20 pixels."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", 40, 100, 1000, 800))
    names = ("TERM_PROGRAM", "COLORTERM", "KITTY_WINDOW_ID", "TMUX", "NO_COLOR", "LC_TERMINAL")
    env = {name: value for name, value in command.env.items() if name not in names}
    env = {**env, "PYTHONIOENCODING": "utf-8", **environ}
    output = io.BytesIO()

    def read() -> None:
        while True:
            try:
                block = os.read(master, 65536)
            except OSError:  # Linux says EIO when the other side is closed
                break
            if not block:
                break
            output.write(block)

    reader = threading.Thread(target=read)
    reader.start()
    if isinstance(command, Here):
        code = _here(slave, arguments, env)
    else:
        code = subprocess.run(
            [sys.executable, "-m", "photosearch", *arguments],
            stdin=slave, stdout=slave, stderr=slave, env=env,
        ).returncode  # fmt: skip
        os.close(slave)
    reader.join()
    os.close(master)
    return code, output.getvalue().decode().replace("\r\n", "\n")


def _here(slave: int, arguments: tuple[str, ...], env: dict[str, str]) -> int:
    """The exit code of the command in this process, whose streams are a terminal's meanwhile."""
    with (
        open(slave, "w", encoding="utf-8") as stream,
        surroundings(env),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(sys, "stdout", stream)
        patch.setattr(sys, "stderr", stream)
        with pytest.raises(SystemExit) as end:
            get_command(app).main(list(arguments), "photosearch")
    assert isinstance(end.value.code, int)
    return end.value.code


class TestTerminal:
    ASKED = ("locate", str(EXIT), "--words", "EXIT")

    @pytest.mark.parametrize(
        ("environ", "start", "end", "read"),
        [
            ({"TERM": "xterm-kitty"}, "\033_G", "\033\\\n", from_kitty),
            (
                {"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"},
                "\033]1337;", "\a\n", from_iterm,
            ),
            ({"TERM": "foot"}, "\033P0;1q", "\033\\\n", from_sixels),
            (
                {"TERM": "xterm-256color", "COLORTERM": "truecolor"},
                "\033[38;2;", "\033[0m\n", from_blocks,
            ),
        ],
        ids=["kitty", "iterm", "sixel", "blocks"],
    )  # fmt: skip
    def test_shows_the_photo_with_its_box(
        self,
        request: pytest.FixtureRequest,
        environ: dict[str, str],
        start: str,
        end: str,
        read: object,
    ) -> None:
        command = request.getfixturevalue("alone" if read is from_kitty else "photosearch")
        code, text = on_terminal(command, *self.ASKED, **environ)
        assert code == 0
        first, last = text.index(start), text.rindex(end) + len(end)
        shown = read(text[first:last]).convert("RGB")  # type: ignore[operator]
        with Image.open(EXIT) as photo:
            plain = photo.convert("RGB").resize(shown.size)
        assert shown.width / shown.height == pytest.approx(4 / 3, rel=0.1)
        assert 0.2 < difference(shown, plain) < 12
        pixels = np.asarray(shown).astype(int)
        orange = np.abs(pixels - (230, 159, 0)).max(-1) < 12
        rows_, columns = np.flatnonzero(orange.any(1)), np.flatnonzero(orange.any(0))
        box = np.array([columns[0], columns[-1]]) * 1024 / shown.width
        assert np.abs(box - (245, 620)).max() < 30
        assert rows_[-1] * 768 / shown.height == pytest.approx(395, abs=25)

    @pytest.mark.parametrize(
        "environ",
        [{"TERM": "dumb"}, {"TERM": "xterm-256color", "NO_COLOR": "1"}],
        ids=["dumb", "no-color"],
    )
    def test_lines_alone_where_nothing_else_is_wanted(
        self, photosearch: Command, environ: dict[str, str], sign: Path
    ) -> None:
        code, text = on_terminal(photosearch, "locate", str(sign), "--words", "EXIT", **environ)
        assert code == 0
        lines = text.splitlines()
        assert len(lines) == 2
        assert lines[0].endswith("exit-sign.jpg")
        assert lines[1].split()[1:3] == ["%", "EXIT"]
        assert "\033" not in text

    def test_json_and_none_have_no_picture(self, photosearch: Command, sign: Path) -> None:
        asked = ("locate", str(sign), "--words", "EXIT")
        _, text = on_terminal(photosearch, *asked, "--json", TERM="xterm-kitty")
        assert json.loads(text)["photos"][0]["regions"]
        _, text = on_terminal(photosearch, *asked, "--preview", "none", TERM="xterm-kitty")
        assert text.splitlines()[1].split()[2] == "EXIT"
        assert "\033" not in text

    def test_asked_for_in_a_pipe(self, photosearch: Command, sign: Path) -> None:
        done = photosearch("locate", sign, "--words", "EXIT", "--preview", "kitty")
        assert b"\033_Ga=T" in done.out


class TestTrouble:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ([], "no photo is named"),
            ([CAT], "nothing to look for"),
            ([CAT, "--what", ""], "--what is empty"),
            ([CAT, "--what", "  "], "--what is empty"),
            ([CAT, "--what", ","], "--what names no label"),
            ([CAT, "--what", '"cat'], "--what '\"cat' is not understood"),
            ([CAT, "--what", "", "--by", "grounding"], "--what is empty"),
            ([CAT, "--words", " "], "--words is empty"),
            ([CAT, "--words", "?!"], "has no letters"),
            ([CAT, "--words", "EXIT", "--what", "cat"], "exclude each other"),
            ([CAT, "--words", "EXIT", "--by", "owlvit"], "exclude each other"),
            ([CAT, "--labels-file", "nowhere"], "nowhere cannot be read: No such file"),
            ([CAT, "--labels-file", CAT], "is no text in UTF-8"),
            ([CAT, "--labels-file", os.devnull], "names no label"),
            ([CAT, "--labels-file", SAMPLES], "cannot be read: Is a directory"),
            ([CAT, "--what", "cat", "--threshold", "7"], "between 0 and 1, not 7"),
            ([CAT, "--what", "cat", "--threshold", "nan"], "between 0 and 1, not nan"),
            ([CAT, "--words", "cat", "--threshold", "-1"], "between 0 and 1, not -1"),
            ([CAT, "--what", "cat", "--by", "magic"], "is no way to locate"),
            ([CAT, "--what", "cat", "--model", "nonsense"], "no model of the name 'nonsense'"),
            ([CAT, "--what", "cat", "--top", "0"], "--top must be 1 or more"),
            (["nowhere.jpg", "--what", "cat"], "nowhere.jpg: no such file or folder"),
            ([CAT, "--what", "cat", "--save", "x.gif"], "written as .png, .jpg or .webp"),
            ([CAT, "--what", "cat", "--save", "x"], "written as .png, .jpg or .webp"),
            ([CAT, "--what", "cat", "--save", "none/x.png"], "there is no folder none"),
            ([CAT, "--what", "cat", "--save", SAMPLES], "is a folder"),
            ([CAT, EXIT, "--what", "cat", "--save", "x.png"], "--save is for one photo"),
            ([SAMPLES, "--what", "cat", "--save", "x.png"], "--save is for one photo"),
            ([CAT, "--what", "cat", "--save", CAT, "--force"], "is the photo itself"),
            ([CAT, "--what", "cat", "--out", CAT], "is no folder"),
            ([SAMPLES, "--what", "cat", "--out", SAMPLES], "folder of the photos themselves"),
            ([CAT, "--what", "cat", "--out", "a", "--save", "b.png"], "exclude each other"),
            ([CAT, "--what", "cat", "--force"], "--force needs"),
            ([CAT, "--what", "cat", "--preview", "ascii"], "no way to show a picture"),
            ([CAT, "--what", "cat", "--preview", "kitty", "--json"], "exclude each other"),
        ],
        ids=lambda value: " ".join(map(str, value)).replace(str(SAMPLES), "") or "nothing"
        if isinstance(value, list) else "",
    )  # fmt: skip
    def test_wrong_use_is_one_clear_line(
        self,
        photosearch: Command,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        arguments: list[str | Path],
        message: str,
    ) -> None:
        monkeypatch.chdir(tmp_path)
        done = photosearch("locate", *arguments, code=2)
        first, *more = done.err.splitlines()
        assert message in first
        assert all(line.startswith(("try: ", "hint: ")) for line in more)
        assert len(more) <= 1
        assert bool(done.out) == ("--json" in arguments)

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"just text", "text, not an image"),
            (b"", "empty"),
            (CAT.read_bytes()[:5000], "damaged"),
        ],
        ids=["text", "empty", "truncated"],
    )
    def test_no_photo(
        self, photosearch: Command, tmp_path: Path, content: bytes, reason: str
    ) -> None:
        path = tmp_path / "photo.jpg"
        path.write_bytes(content)
        done = photosearch("locate", path, "--what", "cat", code=2)
        assert done.out == b""
        assert done.err.startswith(f"photosearch: {path}: {reason}")
        assert done.err.count("\n") == 1

    def test_folder_without_photos(self, photosearch: Command, tmp_path: Path) -> None:
        (tmp_path / "photos").mkdir()
        done = photosearch("locate", tmp_path / "photos", "--what", "cat", code=1)
        assert done.err == "photosearch: no photos found\n"

    def test_existing_file_is_kept(self, photosearch: Command, tmp_path: Path) -> None:
        other = tmp_path / "holiday.jpg"
        other.write_bytes(jpeg(picture(1)))
        done = photosearch("locate", EXIT, "--words", "EXIT", "--save", other, code=2)
        assert "exists already" in done.err
        assert "--force writes over it" in done.err
        assert other.read_bytes() == jpeg(picture(1))

    def test_names_are_shown_escaped(
        self, photosearch: Command, alone: Command, tmp_path: Path
    ) -> None:
        name = os.fsencode(tmp_path) + b"/\x1b[31m\n\xff.jpg"
        shutil.copyfile(CAT, name)
        done = alone("locate", name, "--what", "a\x1b[32m cat", "--top", "1")
        assert b"\x1b" not in done.out
        assert len(done.lines) == 1
        none = photosearch("locate", name, "--words", "EXIT", "--json", code=1)
        assert os.fsencode(none.json["photos"][0]["path"]) == name
        assert "\x1b" not in none.err
        assert none.err.count("\n") == 1

    def test_photo_of_one_pixel(self, photosearch: Command, tmp_path: Path) -> None:
        path = tmp_path / "dot.png"
        Image.new("RGB", (1, 1), "red").save(path)
        done = photosearch(
            "locate", path, "--what", "red", "--save", tmp_path / "drawn.png", code=None
        )
        assert done.code in (0, 1)
        assert "bug" not in done.err

    def test_reader_that_leaves_early(self, alone: Command) -> None:
        # By the time that there is something to be printed, nobody reads any more.
        command = f"{sys.executable} -m photosearch locate {CAT} --what cat --threshold 0 | true"
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command], env=alone.env, capture_output=True
        )
        assert (done.returncode, done.stderr) == (0, b"")
