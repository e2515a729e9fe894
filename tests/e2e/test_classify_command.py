"""`photosearch classify` over the sample photos, and the tags that it leaves in a library."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import photosearch as package
from tests.command import SAMPLES, Command, copied
from tests.e2e.test_query_command import on_terminal
from tests.here import Here
from tests.make import write_photos

ANIMALS = SAMPLES / "animals"
CAT = ANIMALS / "cat.jpg"
NAMES = "cat,dog,two cats,truck,couch"


def rows(text: str) -> list[tuple[str, str, float]]:
    """Lines of a pipe: (name of the file, label, probability)."""
    split = [line.split("\t") for line in text.splitlines()]
    return [(Path(path).name, label, float(chance)) for path, label, chance in split]


def best(text: str) -> dict[str, str]:
    """File → its first label."""
    found: dict[str, str] = {}
    for name, label, _ in rows(text):
        found.setdefault(name, label)
    return found


def with_mini(command: Command) -> Command:
    """The command with the embedded model, whatever else is on this machine."""
    command.env["PHOTOSEARCH_MODEL"] = "mini"
    return command


@pytest.fixture
def photosearch(tmp_path: Path) -> Command:
    return with_mini(Here(tmp_path))


@pytest.fixture
def alone(tmp_path: Path) -> Command:
    """The same as a process of its own."""
    return with_mini(Command(tmp_path))


@pytest.fixture(scope="session")
def animals(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """The library of ANIMALS; to be copied."""
    command = with_mini(Here(tmp_path_factory.mktemp("animals")))
    command("index", "-q", ANIMALS)
    return command


@pytest.fixture
def indexed(animals: Command, photosearch: Command) -> Command:
    copied(animals, photosearch.folder)
    return photosearch


class TestPhotos:
    def test_a_cat_is_a_cat(self, alone: Command) -> None:
        done = alone("classify", CAT, "--labels", NAMES)
        lines = rows(done.text)
        assert [line[:2] for line in lines] == [
            ("cat.jpg", "cat"), ("cat.jpg", "two cats"), ("cat.jpg", "dog"),
        ]  # fmt: skip
        assert lines[0][2] > 0.8
        assert done.err == ""
        assert not alone.library.exists()  # none is needed, none is made

    def test_model_need_not_be_named(self, photosearch: Command) -> None:
        del photosearch.env["PHOTOSEARCH_MODEL"]
        assert rows(photosearch("classify", CAT, "--labels", NAMES).text)[0][1] == "cat"

    def test_shares_add_up_to_one(self, photosearch: Command) -> None:
        lines = rows(photosearch("classify", CAT, "--labels", NAMES, "--top", "9").text)
        assert len(lines) == 5
        assert sum(chance for _, _, chance in lines) == pytest.approx(1, abs=3e-4)
        assert [line[2] for line in lines] == sorted((line[2] for line in lines), reverse=True)

    def test_folder_in_a_stable_order(self, photosearch: Command) -> None:
        done = photosearch(
            "classify", "animals", "--labels", "cat,dog,horse,cow,bird,otter", "--top", "1",
            cwd=SAMPLES,
        )  # fmt: skip
        paths = [line.split("\t")[0] for line in done.lines]
        assert paths == [f"animals/{name}" for name in sorted(os.listdir(ANIMALS))]
        found = best(done.text)
        right = {
            "cat.jpg": "cat", "kitten-playing.jpg": "cat", "dogs-at-door.jpg": "dog",
            "cow.jpg": "cow", "otters.jpg": "otter", "parrot.jpg": "bird",
        }  # fmt: skip
        assert {name: found[name] for name in right} == right

    def test_chinese_labels(self, photosearch: Command) -> None:
        found = best(photosearch("classify", SAMPLES, "--labels", "猫，狗，马，花，城市").text)
        right = {
            "cat.jpg": "猫", "kitten-playing.jpg": "猫", "dogs-at-door.jpg": "狗",
            "horses.jpg": "马", "pink-tulips.jpg": "花", "city-skyline-night.jpg": "城市",
        }  # fmt: skip
        assert {name: found[name] for name in right} == right

    def test_labels_of_a_file(self, photosearch: Command, tmp_path: Path) -> None:
        names = tmp_path / "things.txt"
        names.write_bytes("\ufeff# things\r\ncat\r\n\r\ndog\r\ntwo cats\r\ntruck\r\ncouch".encode())
        from_file = photosearch("classify", CAT, "--labels-file", names)
        assert from_file.out == photosearch("classify", CAT, "--labels", NAMES).out

    def test_file_in_the_place_of_labels(self, photosearch: Command, tmp_path: Path) -> None:
        (tmp_path / "things.txt").write_text("cat\ndog\n")
        for given in ("things.txt", "@things.txt"):
            done = photosearch("classify", SAMPLES, "--labels", given, code=2, cwd=tmp_path)
            assert "--labels-file things.txt" in done.err

    def test_templates(self, photosearch: Command) -> None:
        def chance(*templates: str) -> float:
            arguments = [word for template in templates for word in ("--template", template)]
            return rows(photosearch("classify", CAT, "--labels", NAMES, *arguments).text)[0][2]

        first, second, both = (
            chance("{}"),
            chance("a photo of a {}"),
            chance("{}", "a photo of a {}"),
        )
        assert len({first, second, both}) == 3
        assert second == chance()

    def test_json(self, photosearch: Command) -> None:
        document = photosearch("classify", CAT, "--labels", NAMES, "--top", "2", "--json").json
        (photo,) = document.pop("photos")
        assert document == {
            "version": 1,
            "model": "mini",
            "scoring": "softmax",
            "labels": NAMES.split(","),
            "templates": None,
            "failed": [],
        }
        assert (photo["path"], photo["scoring"]) == (str(CAT), "softmax")
        assert [one["label"] for one in photo["labels"]] == ["cat", "two cats"]
        assert 0.8 < photo["labels"][0]["probability"] < 1

    def test_csv(self, photosearch: Command) -> None:
        done = photosearch("classify", CAT, "--labels", '"cat, or kitten",dog', "--csv")
        table = list(csv.DictReader(io.StringIO(done.text)))
        assert list(table[0]) == ["path", "label", "probability"]
        assert [(row["path"], row["label"]) for row in table] == [
            (str(CAT), "cat, or kitten"),
            (str(CAT), "dog"),
        ]
        assert sum(float(row["probability"]) for row in table) == pytest.approx(1, abs=2e-6)

    def test_on_a_terminal(self, alone: Command) -> None:
        text = on_terminal(alone, "classify", str(CAT), "--labels", NAMES)
        lines = text.splitlines()
        assert lines[0].endswith("cat.jpg")
        assert lines[1].endswith(" %  cat")
        assert lines[3] == "   <0.1 %  dog"
        assert len(lines) == 4

    def test_names_are_shown_escaped(
        self, photosearch: Command, alone: Command, tmp_path: Path
    ) -> None:
        name = os.fsencode(tmp_path) + b"/\x1b[31m\xff.jpg"
        shutil.copyfile(CAT, name)
        done = alone("classify", name, "--labels", "cat,\x1b[31mdog", "--top", "2")
        assert b"\x1b" not in done.out
        assert len(done.lines) == 2
        table = alone("classify", name, "--labels", NAMES, "--csv").out
        assert table.split(b"\n")[1].startswith(name)
        document = photosearch("classify", name, "--labels", NAMES, "--json").json
        assert os.fsencode(document["photos"][0]["path"]) == name

    def test_reader_that_leaves_early(self, alone: Command) -> None:
        # By the time that there is something to be printed, nobody reads any more.
        command = f"{sys.executable} -m photosearch classify {ANIMALS} --labels a,b | true"
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command], env=alone.env, capture_output=True
        )
        assert (done.returncode, done.stderr) == (0, b"")


def changed_model(folder: Path, file: str, **values: object) -> Path:
    """The embedded model with other values in one of its JSON files."""
    bundle = folder / "bundle"
    shutil.copytree(Path(package.__file__).parent / "models" / "mini", bundle)
    (bundle / "checksums.json").unlink()
    config = json.loads((bundle / file).read_text())
    (bundle / file).write_text(json.dumps({**config, **values}))
    return bundle


class TestSigmoid:
    """A model that judges each label by itself."""

    def test_says_so_and_takes_one_label_alone(self, photosearch: Command, tmp_path: Path) -> None:
        model = changed_model(tmp_path, "config.json", logit_scale=22.0, logit_bias=-6.0)
        asked = ["classify", CAT, "--model", model, "--template", "{}", "--labels"]
        done = photosearch(*asked, "cat,dog", "--json")
        assert "judges each label by itself (sigmoid scores)" in done.err
        assert done.json["scoring"] == done.json["photos"][0]["scoring"] == "sigmoid"
        chances = {one["label"]: one["probability"] for one in done.json["photos"][0]["labels"]}
        assert sum(chances.values()) != pytest.approx(1, abs=1e-3)
        (alone,) = rows(photosearch(*asked, "cat").text)
        assert alone[2] == pytest.approx(chances["cat"], abs=1e-4)
        photosearch("index", "-q", ANIMALS / "cat.jpg", "--model", model)
        cosine = photosearch("query", "cat", "--model", model, "--json").json["hits"][0]["score"]
        assert chances["cat"] == pytest.approx(1 / (1 + math.exp(6 - 22 * cosine)), abs=5e-3)


class TestTrouble:
    def test_unreadable_photo_among_others(self, photosearch: Command, tmp_path: Path) -> None:
        shutil.copy(CAT, tmp_path / "a.jpg")
        (tmp_path / "b.jpg").write_bytes(CAT.read_bytes()[:5000])
        shutil.copy(CAT, tmp_path / "c.jpg")
        done = photosearch("classify", tmp_path, "--labels", NAMES, code=3)
        assert best(done.text) == {"a.jpg": "cat", "c.jpg": "cat"}
        assert f"{tmp_path / 'b.jpg'}: damaged" in done.err
        document = photosearch("classify", tmp_path, "--labels", NAMES, "--json", code=3).json
        assert [Path(photo["path"]).name for photo in document["photos"]] == ["a.jpg", "c.jpg"]
        (failed,) = document["failed"]
        assert failed["path"] == str(tmp_path / "b.jpg")
        assert failed["reason"].startswith("damaged")

    def test_not_a_photo(self, photosearch: Command, tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text("no photo")
        done = photosearch("classify", tmp_path / "notes.txt", "--labels", NAMES, code=2)
        assert done.out == b""
        assert done.err == f"photosearch: {tmp_path / 'notes.txt'}: text, not an image\n"

    def test_folder_without_photos(self, photosearch: Command, tmp_path: Path) -> None:
        (tmp_path / "photos").mkdir()
        done = photosearch("classify", tmp_path / "photos", "--labels", NAMES, code=1)
        assert done.err == "photosearch: no photos found\n"

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["classify", CAT], "no labels"),
            (["classify", CAT, "--labels", " , "], "--labels names no label"),
            (["classify", CAT, "--labels", "cat"], "'cat' is the only label"),
            (["classify", CAT, "--labels", 'cat,"dog'], "is not understood"),
            (["classify", CAT, "--labels", "a,b", "--labels-file", CAT], "exclude each other"),
            (["classify", CAT, "--labels-file", "nowhere"], "nowhere cannot be read: No such file"),
            (["classify", CAT, "--labels-file", CAT], "is no text in UTF-8"),
            (["classify", CAT, "--labels", "a,b", "--template", "a photo"], "has no {}"),
            (["classify", "nowhere.jpg", "--labels", "a,b"], "nowhere.jpg: no such file or folder"),
            (["classify", "--labels", "a,b"], "no photo is named"),
            (["classify", CAT, "--labels", "a,b", "--top", "0"], "--top must be 1 or more"),
            (["classify", CAT, "--labels", "a,b", "--json", "--csv"], "exclude each other"),
            (["classify", CAT, "--labels", "a,b", "--language", "xx"], "no text tower"),
            (["classify", CAT, "--labels", "a,b", "--library-wide"], "name no others"),
            (["classify", CAT, "--labels", "a,b", "--write-tags"], "needs --library-wide"),
            (["classify", CAT, "--labels", "a,b", "--min-probability", "1"], "needs --write-tags"),
            (["classify", "--library-wide", "--labels", "a,b"], "there is no library"),
        ],
        ids=lambda value: " ".join(map(str, value[2:])) if isinstance(value, list) else None,
    )
    def test_wrong_use(
        self, photosearch: Command, arguments: list[str | Path], message: str
    ) -> None:
        done = photosearch(*arguments, code=2)
        assert message in done.err
        assert done.err.count("\n") <= 2
        assert bool(done.out) == ("--json" in arguments)


class TestLibraryWide:
    def test_every_photo_of_the_library_and_none_is_opened(
        self, photosearch: Command, tmp_path: Path
    ) -> None:
        shutil.copytree(ANIMALS, tmp_path / "photos")
        photosearch("index", "-q", tmp_path / "photos")
        plain = photosearch("classify", tmp_path / "photos", "--labels", NAMES)
        for path in (tmp_path / "photos").iterdir():
            path.write_bytes(b"changed since")
        done = photosearch("classify", "--library-wide", "--labels", NAMES)
        assert best(done.text) == best(plain.text)
        wide = {(name, label): chance for name, label, chance in rows(done.text)}
        for name, label, chance in rows(plain.text):
            assert wide.get((name, label), chance) == pytest.approx(chance, abs=5e-3)

    def test_tags_are_written_and_found(self, indexed: Command) -> None:
        labels = "Cat,dog,horse,cow,bird"
        done = indexed("classify", "--library-wide", "--labels", labels, "--write-tags")
        counts = dict(line.split("\t") for line in done.lines)
        assert list(counts) == labels.split(",")
        assert sum(map(int, counts.values())) == len(os.listdir(ANIMALS))
        assert "10 photos tagged" in done.err
        cats = indexed("query", "x", "--tag", "cat", "--paths").lines
        assert {"cat.jpg", "kitten-playing.jpg"} <= {Path(line).name for line in cats}
        assert len(cats) == int(counts["Cat"])
        assert Path(
            indexed("similar", CAT, "--tag", "DOG", "-k", "1", "--paths").lines[0]
        ).name == ("dogs-at-door.jpg")
        both = indexed("query", "x", "--tag", "cat", "--tag", "dog", code=1)
        assert both.err == "photosearch: nothing found within the filters\n"

    def test_tag_that_nothing_has(self, indexed: Command) -> None:
        done = indexed("query", "x", "--tag", "cat", code=1)
        assert "no photo has a tag yet (photosearch classify --library-wide" in done.err
        indexed("classify", "--library-wide", "--labels", "cat,dog", "--write-tags")
        done = indexed("query", "x", "--tag", "catt", code=1)
        assert "no photo has the tag catt (there are: " in done.err
        assert indexed("query", "x", "--tag", "catt", "--json", code=1).json["hits"] == []
        assert "--tag is empty" in indexed("query", "x", "--tag", "", code=2).err
        tagged = {Path(path).parent for path in indexed("query", "--tag", "cat", "--paths").lines}
        assert tagged == {ANIMALS}

    def test_min_probability_and_forms(self, indexed: Command) -> None:
        arguments = ["classify", "--library-wide", "--labels", "cat,dog", "--write-tags"]
        document = indexed(*arguments, "--min-probability", "0.9", "--json").json
        tagged = sum(one["photos"] for one in document["tags"])
        assert document["untagged"] == len(os.listdir(ANIMALS)) - tagged > 0
        assert [one["label"] for one in document["tags"]] == ["cat", "dog"]
        assert (document["scoring"], document["min_probability"]) == ("softmax", 0.9)
        table = indexed(*arguments, "--csv").lines
        assert table[0] == "label,photos"
        assert sum(int(line.split(",")[1]) for line in table[1:]) == len(os.listdir(ANIMALS))
        wrong = indexed(*arguments, "--min-probability", "90", code=2)
        assert "must lie between 0 and 1, not 90" in wrong.err

    def test_json_and_csv(self, indexed: Command) -> None:
        arguments = ["classify", "--library-wide", "--labels", "cat,dog", "--top", "1"]
        photos = indexed(*arguments, "--json").json["photos"]
        assert {Path(photo["path"]).name for photo in photos} == set(os.listdir(ANIMALS))
        assert len(indexed(*arguments, "--csv").lines) == 1 + len(photos)

    def test_photos_that_another_model_has_not_seen(
        self, photosearch: Command, tmp_path: Path
    ) -> None:
        other = changed_model(tmp_path, "visual/preprocess.json", resize_mode="shortest")
        write_photos(tmp_path / "one", 2)
        write_photos(tmp_path / "two", 3, first_seed=50)
        photosearch("index", "-q", tmp_path / "one", tmp_path / "two")
        photosearch("index", "-q", tmp_path / "one", "--model", other)
        asked = ["classify", "--library-wide", "--labels", "a,b", "--top", "1", "--model"]
        done = photosearch(*asked, other)
        assert len(done.lines) == 2
        assert f"3 photos left out, not encoded with {other} yet" in done.err
        assert photosearch(*asked, "mini").err == ""
        assert "3 photos left out" in photosearch(*asked, other, "--write-tags").err

    def test_empty_library(self, photosearch: Command, tmp_path: Path) -> None:
        (tmp_path / "photos").mkdir()
        photosearch("index", tmp_path / "photos")
        for more in ([], ["--write-tags"]):
            done = photosearch("classify", "--library-wide", "--labels", "a,b", *more, code=1)
            assert "holds no photos yet" in done.err

    def test_export_has_the_tags(self, photosearch: Command, tmp_path: Path) -> None:
        write_photos(tmp_path / "photos", 2)
        photosearch("index", "-q", tmp_path / "photos")
        photosearch("classify", "--library-wide", "--labels", "a,b", "--write-tags")
        assert photosearch("export", "--format", "csv").lines[0].endswith(",tags")
