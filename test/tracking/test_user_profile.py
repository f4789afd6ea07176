"""A user's hand comes back bit for bit, and no damaged or foreign file is taken for it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hand_pose_ros.hand.skeleton import SHAPE_NAMES
from hand_pose_ros.tracking.user_profile import UserProfile, load_profile, save_profile

TRUE = np.array([0.1, -0.05, 0.03, 0.0, 0.05, -0.1, 0.02, 0.08, -0.02])


@pytest.mark.slow
@given(st.lists(st.floats(-0.6, 0.6), min_size=9, max_size=9), st.integers(0, 10**6))
def test_saved_profile_comes_back_bit_for_bit(tmp_path_factory, shape, frames) -> None:
    folder = tmp_path_factory.mktemp("users")
    path = save_profile(folder, "Ada-1", UserProfile(np.array(shape), frames, 0.1))
    assert [entry.name for entry in folder.iterdir()] == [path.name] == ["Ada-1.json"]
    profile = load_profile(folder, "Ada-1")
    assert profile is not None
    np.testing.assert_array_equal(profile.shape, shape)
    assert (profile.frames, profile.thickness) == (frames, 0.1)


def test_second_save_replaces_the_first_and_others_stay(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "users"
    save_profile(folder, "a", UserProfile(TRUE, 3))
    save_profile(folder, "b", UserProfile(-TRUE, 4))
    save_profile(folder, "a", UserProfile(2 * TRUE, 5))
    first, second = load_profile(folder, "a"), load_profile(folder, "b")
    assert first is not None
    assert second is not None
    np.testing.assert_array_equal(first.shape, 2 * TRUE)
    assert (second.frames, second.thickness) == (4, None)


def test_unknown_user_is_none(tmp_path: Path) -> None:
    assert load_profile(tmp_path, "nobody") is None
    assert load_profile(tmp_path / "missing", "nobody") is None


@pytest.mark.parametrize("user_id", ["", "../x", "a/b", ".hidden", "a b", "é", "a" * 65, "a\n", "-x"])
def test_unsafe_user_id_is_refused(tmp_path: Path, user_id: str) -> None:
    with pytest.raises(ValueError, match="user id"):
        load_profile(tmp_path, user_id)
    with pytest.raises(ValueError, match="user id"):
        save_profile(tmp_path, user_id, UserProfile(TRUE, 1))
    assert not list(tmp_path.iterdir())


def without(text: str, key: str) -> str:
    data = json.loads(text)
    del data[key]
    return json.dumps(data)


def with_shape(text: str, name: str, value: object) -> str:
    data = json.loads(text)
    data["shape"][name] = value
    return json.dumps(data)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text[: len(text) // 2], "damaged"),
        (lambda text: "", "damaged"),
        (lambda text: "\udcff", "damaged"),
        (lambda text: f'{{"frames": {"9" * 5000}}}', "damaged"),
        (lambda text: "[1, 2]", "not a saved user profile"),
        (lambda text: text.replace("person-1", "person-9"), "not a saved user profile"),
        (lambda text: text.replace('"ada"', '"bob"'), "user 'bob'"),
        (lambda text: without(text, "shape"), SHAPE_NAMES[0]),
        (lambda text: without(text, "frames"), "frames"),
        (lambda text: with_shape(text, "sixth_finger", 0.0), "exactly"),
        (lambda text: with_shape(text, "thumb", "0.1"), "thumb"),
        (lambda text: with_shape(text, "thumb", float("nan")), "thumb"),
        (lambda text: with_shape(text, "thumb", 5.0), "log 2"),
        (lambda text: text.replace('"thickness": null', '"thickness": true'), "thickness"),
    ],
)
def test_damaged_or_foreign_file_is_refused_and_named(tmp_path: Path, damage, message: str) -> None:
    path = save_profile(tmp_path, "ada", UserProfile(TRUE, 3))
    path.write_bytes(damage(path.read_text(encoding="utf-8")).encode("utf-8", "surrogateescape"))
    with pytest.raises(ValueError, match=message) as raised:
        load_profile(tmp_path, "ada")
    assert str(path) in str(raised.value)


def test_nothing_is_left_behind_when_a_save_fails(tmp_path: Path, monkeypatch) -> None:
    save_profile(tmp_path, "ada", UserProfile(TRUE, 3))

    def fail(self: Path, target: Path) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        save_profile(tmp_path, "ada", UserProfile(-TRUE, 9))
    assert [entry.name for entry in tmp_path.iterdir()] == ["ada.json"]
    profile = load_profile(tmp_path, "ada")
    assert profile is not None
    assert profile.frames == 3
