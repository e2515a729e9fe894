"""Points and names: what a place is called, what lies near, and photos that learn their places."""

from __future__ import annotations

import math
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photosearch.errors import WrongUse
from photosearch.gazetteer.cities import cities_called
from photosearch.gazetteer.globe import EARTH_KM, km_between
from photosearch.gazetteer.names import normal_name
from photosearch.gazetteer.places import CITY_KM, COUNTRY_KM, Place, place_of
from photosearch.gazetteer.settlements import Settlements, key, settlements
from photosearch.ingest.places import name_places
from photosearch.records import Facts, FoundFile, Photo
from photosearch.search.filters import Filters
from photosearch.search.places import DEFAULT_KM, area_of, point_of, read_km, suggest_places
from photosearch.store.catalogue import Batch, Catalogue, NewPhoto
from photosearch.store.places import place_names, place_of_photo, unplaced
from photosearch.store.snapshot import Snapshot

# Places that everybody can look up: point, city, region, country code.
SIGHTS = {
    "Eiffel Tower": (48.8584, 2.2945, "Paris", "Île-de-France", "FR"),
    "Versailles palace": (48.8049, 2.1204, "Versailles", "Île-de-France", "FR"),
    "Fushimi Inari": (34.9671, 135.7727, "Kyoto", "Kyoto", "JP"),
    "Shibuya crossing": (35.6595, 139.7005, "Tokyo", "Tokyo", "JP"),
    "Yokohama": (35.4437, 139.6380, "Yokohama", "Kanagawa", "JP"),
    "Big Ben": (51.5007, -0.1246, "London", "England", "GB"),
    "Brooklyn Bridge Park": (40.7003, -73.9967, "New York City", "New York", "US"),
    "Hollywood sign": (34.1341, -118.3215, "Los Angeles", "California", "US"),
    "Santa Monica pier": (34.0083, -118.4988, "Santa Monica", "California", "US"),
    "Sydney Opera House": (-33.8568, 151.2153, "Sydney", "New South Wales", "AU"),
    "Table Mountain": (-33.9628, 18.4098, "Cape Town", "Western Cape", "ZA"),
    "Christ the Redeemer": (-22.9519, -43.2105, "Rio de Janeiro", "Rio de Janeiro", "BR"),
    "The Bund": (31.2400, 121.4900, "Shanghai", "Shanghai", "CN"),
    "Schönbrunn": (48.1845, 16.3122, "Vienna", "Vienna", "AT"),
    "Sanssouci": (52.4042, 13.0385, "Potsdam", "Brandenburg", "DE"),
    "Basel, at two borders": (47.5565, 7.5905, "Basel", "Basel-City", "CH"),
}


@pytest.fixture(scope="module")
def data() -> Settlements:
    return settlements()


@pytest.fixture(scope="module")
def points(data: Settlements) -> list[tuple[float, float]]:
    """Where the settlements lie."""
    return list(zip(data.latitudes.tolist(), data.longitudes.tolist(), strict=True))


@pytest.mark.parametrize("sight", SIGHTS)
def test_sights_lie_in_the_cities_that_people_name(sight: str) -> None:
    latitude, longitude, city, region, code = SIGHTS[sight]
    place = place_of(latitude, longitude)
    assert (place.city, place.region, place.country_code) == (city, region, code)
    assert place.country
    assert place.distance_km is not None
    assert place.distance_km < 10


def test_a_quarter_has_the_name_of_its_city_too() -> None:
    place = place_of(40.7580, -73.9855)
    assert {"Times Square", "New York City", "New York", "United States", "US"} <= set(place.names)
    assert len(set(place.names)) == len(place.names)


@pytest.mark.parametrize(
    ("point", "names"),
    [
        ((30.0, -40.0), (False, False)),  # the middle of the Atlantic
        ((90.0, 0.0), (False, False)),
        ((-90.0, 123.0), (False, False)),
        ((23.5, 10.0), (False, True)),  # the Sahara
        ((-25.3444, 131.0369), (True, True)),  # Uluru has a village
    ],
    ids=["sea", "north pole", "south pole", "desert", "outback"],
)
def test_far_from_everything_no_city_is_named(
    point: tuple[float, float], names: tuple[bool, bool]
) -> None:
    place = place_of(*point)
    assert (place.city is not None, place.country is not None) == names


def test_nearest_is_nearest_on_the_globe_also_where_degrees_mislead(
    points: list[tuple[float, float]],
) -> None:
    chance = random.Random(5)
    asked = [(chance.uniform(-90, 90), chance.uniform(-180, 180)) for _ in range(15)]
    asked += [(chance.uniform(64, 80), chance.uniform(-180, 180)) for _ in range(10)]
    asked += [(chance.uniform(-20, -10), 180 - chance.uniform(0, 0.2)) for _ in range(5)]
    asked += [(chance.uniform(60, 70), chance.uniform(0, 0.2) - 180) for _ in range(5)]
    asked += chance.sample(points, 10)
    latitudes, longitudes = np.radians(points).T
    for point in asked:
        # As km_between, of all at once.
        latitude, longitude = np.radians(point)
        north, east = np.sin((latitudes - latitude) / 2), np.sin((longitudes - longitude) / 2)
        square = north**2 + np.cos(latitude) * np.cos(latitudes) * east**2
        nearest = points[int(square.argmin())]
        distance = km_between(*point, *nearest)
        place = place_of(*point)
        if distance > COUNTRY_KM:
            assert place == Place()
        else:
            assert place.distance_km == pytest.approx(distance, abs=1e-6)
            assert (place.city is not None) == (distance <= CITY_KM)


coordinates = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@given(one=coordinates, other=coordinates)
def test_distances(one: tuple[float, float], other: tuple[float, float]) -> None:
    km = km_between(*one, *other)
    assert km_between(*other, *one) == pytest.approx(km, abs=1e-6)
    assert 0 <= km <= math.pi * EARTH_KM + 1e-6
    # A degree of latitude is the least that two points are apart.
    assert km >= math.radians(abs(one[0] - other[0])) * EARTH_KM - 1e-3
    assert km_between(one[0], one[1] - 360, *other) == pytest.approx(km, abs=1e-3)


@given(st.text())
def test_normal_form_is_one_line_and_stays(text: str) -> None:
    name = normal_name(text)
    assert name == " ".join(name.split())
    assert normal_name(name) == name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Kyōto", "kyoto"),
        ("São Paulo", "SAO  PAULO"),
        ("Łódź", "lodz"),
        ("Gießen", "giessen"),
        ("L’Aquila", "l'aquila"),
        ("Saint-Denis", "saint denis"),
        ("Tromsø", "tromso"),
        ("ＴＯＫＹＯ", "tokyo"),
    ],
)
def test_spellings_of_one_name(one: str, other: str) -> None:
    assert normal_name(one) == normal_name(other)


class TestNames:
    @pytest.mark.parametrize(
        ("name", "city", "code"),
        [
            ("kyoto", "Kyoto", "JP"),
            ("Kyōto", "Kyoto", "JP"),
            ("Paris", "Paris", "FR"),
            ("Paris, US", "Paris", "US"),
            ("paris, TEXAS", "Paris", "US"),
            ("London, Canada", "London", "CA"),
            ("london, uk", "London", "GB"),
            ("New York", "New York City", "US"),
            ("lodz", "Łódź", "PL"),
            ("sao paulo", "São Paulo", "BR"),
            ("saint denis, france", "Saint-Denis", "FR"),
            ("xi'an", "Xi’an", "CN"),
            ("roe volciano", "Roè Volciano", "IT"),
        ],
    )
    def test_the_largest_city_of_a_name(self, name: str, city: str, code: str) -> None:
        found = cities_called(name)
        assert (found[0].name, found[0].country_code) == (city, code)
        assert [one.population for one in found] == sorted(
            (one.population for one in found), reverse=True
        )

    def test_all_of_a_name_are_found(self, data: Settlements) -> None:
        chance = random.Random(3)
        odd = [name for name in data.names if not name.isascii()]
        names = chance.sample(odd, 20) + chance.sample(data.names, 10)
        called = Counter(map(normal_name, data.names))
        for name in names:
            assert len(cities_called(name)) == called[normal_name(name)], name

    @pytest.mark.parametrize(
        "name", ["", ",", "Paris, Japan", '"', "\\", "(", "x" * 5000, "\ud800"]
    )
    def test_no_city(self, name: str) -> None:
        assert cities_called(name) == ()

    def test_a_misspelled_city_is_guessed(self) -> None:
        with pytest.raises(WrongUse, match="no city called") as caught:
            area_of("Kyotoo")
        assert "Kyoto" in caught.value.hint


class TestAreas:
    @pytest.mark.parametrize(
        ("text", "point"),
        [
            ("35.01,135.77", (35.01, 135.77)),
            (" -33.8 , 151 ", (-33.8, 151.0)),
            ("48.85N 2.35E", (48.85, 2.35)),
            ("33.8°S, 70.5°W", (-33.8, -70.5)),
            ("0,0", (0.0, 0.0)),
            ("Kyoto", None),
            ("Paris, Texas", None),
            ("1", None),
        ],
    )
    def test_points(self, text: str, point: tuple[float, float] | None) -> None:
        assert point_of(text) == point

    @pytest.mark.parametrize("text", ["91,0", "0,181", "-90.1,0", "9e9,1e9"])
    def test_points_off_the_globe(self, text: str) -> None:
        if text == "9e9,1e9":
            assert point_of(text) is None  # no such way to write degrees
        else:
            with pytest.raises(WrongUse, match="no point on the globe"):
                point_of(text)

    @given(point=coordinates)
    def test_points_are_read_as_they_are_written(self, point: tuple[float, float]) -> None:
        text = f"{point[0]:.9f},{point[1]:.9f}"
        assert point_of(text) == (float(text.split(",")[0]), float(text.split(",")[1]))

    @pytest.mark.parametrize(
        ("text", "km"), [("5", 5), ("5km", 5), ("0.5", 0.5), ("3mi", 4.828), ("500 m", 0.5)]
    )
    def test_distances(self, text: str, km: float) -> None:
        assert read_km(text) == pytest.approx(km, rel=1e-3)

    @pytest.mark.parametrize("text", ["0", "-1", "x", "", "5 parsecs", "nan", "inf", "1e999"])
    def test_no_distances(self, text: str) -> None:
        with pytest.raises(WrongUse, match="is no distance"):
            read_km(text)

    @given(centre=coordinates, point=coordinates, km=st.floats(0.01, 25_000))
    def test_the_band_of_latitudes_holds_the_area(
        self, centre: tuple[float, float], point: tuple[float, float], km: float
    ) -> None:
        area = area_of(f"{centre[0]:.9f},{centre[1]:.9f}", km)
        if area.holds(*point):
            south, north = area.latitudes
            assert south <= point[0] <= north

    def test_unless_told_otherwise(self) -> None:
        assert area_of("Kyoto").km == DEFAULT_KM


class Placed:
    """A catalogue of photos with and without positions."""

    def __init__(self, folder: Path) -> None:
        self.catalogue = Catalogue(folder / "library", create=True)
        self.root = self.catalogue.add_root(b"/photos")
        self.model = self.catalogue.add_model("key", "model", 4)
        self.snapshot = Snapshot(folder / "library")
        self.ids: dict[str, int] = {}

    def add(self, name: str, latitude: float | None, longitude: float | None) -> None:
        number = len(self.ids)
        facts = Facts(latitude=latitude, longitude=longitude)
        photo = Photo(number.to_bytes(32, "big"), 1, "jpeg", 1, 1, facts)
        files = [FoundFile(b"%d.jpg" % number, 1, 1)]
        self.catalogue.commit(self.root, self.model, Batch(new=[NewPhoto(photo, b"\0" * 8, files)]))
        known = self.catalogue.photo_with_digest(photo.digest, self.model)
        assert known is not None
        self.ids[name] = known[0]

    def found(self, **given: object) -> set[str]:
        allowed = Filters(**given).allowed_ids(self.snapshot)  # type: ignore[arg-type]
        assert allowed is not None
        return {name for name, number in self.ids.items() if number in allowed}


@pytest.fixture
def placed(tmp_path: Path) -> Iterator[Placed]:
    made = Placed(tmp_path)
    made.add("shrine", 34.9671, 135.7727)
    made.add("crossing", 35.6595, 139.7005)
    made.add("tower", 48.8584, 2.2945)
    made.add("sea", 30.0, -40.0)
    made.add("Taveuni, west of the date line", -16.85, 179.97)
    made.add("Taveuni, east of it", -16.85, -179.97)
    made.add("unknown", None, None)
    yield made
    made.snapshot.close()
    made.catalogue.close()


class TestPass:
    def test_every_photo_with_a_position_gets_a_row_once(self, placed: Placed) -> None:
        assert len(unplaced(placed.catalogue, key())) == 6
        assert name_places(placed.catalogue) == 6
        generation = placed.snapshot.generation
        assert name_places(placed.catalogue) == 0
        assert placed.snapshot.generation == generation
        placed.add("bridge", 40.7003, -73.9967)
        assert name_places(placed.catalogue) == 1

    def test_newer_data_names_all_again(self, placed: Placed) -> None:
        name_places(placed.catalogue)
        with placed.catalogue.transaction() as connection:
            connection.execute("UPDATE places SET city = 'old', gazetteer = 'old'")
        assert name_places(placed.catalogue) == 6
        place = place_of_photo(placed.snapshot, placed.ids["shrine"])
        assert place is not None
        assert (place.city, place.country) == ("Kyoto", "Japan")

    def test_a_stopped_pass_goes_on(self, placed: Placed, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("photosearch.ingest.places._AT_ONCE", 2)
        answers = iter([False, False, True])
        assert name_places(placed.catalogue, lambda: next(answers)) == 4
        assert name_places(placed.catalogue) == 2

    def test_names_that_were_lost_are_given_again(self, placed: Placed) -> None:
        """A run looks at photos that are newer than the last one, unless names are missing."""
        name_places(placed.catalogue)
        with placed.catalogue.transaction() as connection:
            lost = (placed.ids["tower"],)
            connection.execute("DELETE FROM places WHERE photo_id = ?", lost)
        placed.add("later", 48.8584, 2.2945)
        assert name_places(placed.catalogue) == 2
        assert placed.found(place="Paris") == {"tower", "later"}
        assert name_places(placed.catalogue) == 0

    def test_photos_at_sea_have_a_row_and_no_names(self, placed: Placed) -> None:
        name_places(placed.catalogue)
        assert place_of_photo(placed.snapshot, placed.ids["sea"]) == Place()
        assert place_of_photo(placed.snapshot, placed.ids["unknown"]) is None

    def test_nothing_to_do_loads_nothing(self, tmp_path: Path) -> None:
        code = f"""if 1:
            import sys
            from pathlib import Path
            from photosearch.gazetteer.settlements import settlements
            from photosearch.store.catalogue import Catalogue
            from photosearch.ingest.places import name_places
            assert name_places(Catalogue(Path({str(tmp_path)!r}), create=True)) == 0
            assert not settlements.cache_info().misses
        """
        subprocess.run([sys.executable, "-c", code], check=True)


class TestFilters:
    @pytest.mark.parametrize(
        ("name", "names"),
        [
            ("Kyoto", {"shrine"}),
            ("kyōto", {"shrine"}),
            ("Japan", {"shrine", "crossing"}),
            ("jp", {"shrine", "crossing"}),
            ("Paris", {"tower"}),
            ("ile de france", {"tower"}),
            ("Par", set()),
            ("%", set()),
            ("", None),
        ],
    )
    def test_place(self, placed: Placed, name: str, names: set[str] | None) -> None:
        name_places(placed.catalogue)
        if names is None:
            assert Filters(place=name).is_empty()
        else:
            assert placed.found(place=name) == names
            assert placed.found(not_place=name) == set(placed.ids) - names

    def test_several_places(self, placed: Placed) -> None:
        name_places(placed.catalogue)
        assert placed.found(place=["Kyoto", "France"]) == {"shrine", "tower"}
        assert placed.found(place="Japan", not_place="Kyoto") == {"crossing"}

    def test_near(self, placed: Placed) -> None:
        assert placed.found(near="Kyoto") == {"shrine"}
        assert placed.found(near="Kyoto", within=5) == set()
        assert placed.found(near="Kyoto", within=500) == {"shrine", "crossing"}
        assert placed.found(near=["Kyoto", "Paris"]) == {"shrine", "tower"}
        assert placed.found(not_near="Kyoto", within=500) == set(placed.ids) - {
            "shrine",
            "crossing",
        }

    def test_near_the_date_line(self, placed: Placed) -> None:
        both = {name for name in placed.ids if name.startswith("Taveuni")}
        assert placed.found(near="-16.85,179.99", within=10) == both
        assert placed.found(near="-16.85,-180", within=10) == both

    def test_near_a_pole(self, placed: Placed) -> None:
        placed.add("one side", 89.99, 10.0)
        placed.add("other side", 89.99, -170.0)
        assert placed.found(near="89.99,10", within=3) == {"one side", "other side"}
        assert placed.found(near="90,0", within=1) == set()

    def test_a_name_that_is_not_in_the_library_is_guessed(self, placed: Placed) -> None:
        name_places(placed.catalogue)
        assert suggest_places(placed.snapshot, "Kioto") == ["Kyoto"]
        assert suggest_places(placed.snapshot, "xyz") == []
        assert {"Kyoto", "Japan", "Paris", "Île-de-France"} <= set(place_names(placed.snapshot))
