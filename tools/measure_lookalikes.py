"""What a network takes for hands, group by group of the things that are none.

In: weights, how many crops a group, a seed. Out: a Markdown table: the share of the crops of each group of
``NegativesConfig`` (validation split, half of them through an imitated stereo matcher) whose log odds, by the crop of
the likelier side, are above 0, where a place may be a hand, 3, where a tracked one is seen, and 7, where a track
begins; and the highest; if wanted, a sheet of those with the highest.

    python tools/measure_lookalikes.py --count 480
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from hand_pose_ros.commands.arguments import positive_int, seed_int
from hand_pose_ros.datasets.seeds import validation_seed
from hand_pose_ros.datasets.synthetic import synthetic_source
from hand_pose_ros.network.checkpoint import load_model
from hand_pose_ros.network.model import HandNet
from hand_pose_ros.resources import model_file
from hand_pose_ros.synthetic.negatives_config import NEGATIVE_GROUPS
from hand_pose_ros.synthetic.splits import VALIDATION_SPLIT
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.visualization.contact_sheet import tile_pictures
from hand_pose_ros.visualization.image_files import write_png
from hand_pose_ros.visualization.overlay import draw_caption

_BATCH = 120
_HANDS = 1 / 60  # a batch has at least one hand, and all else is none
_TILE_PX, _COLUMNS, _ROWS = 144, 12, 2


def group_log_odds(net: HandNet, group: str, count: int, seed: int) -> tuple[NDArray[np.float64], np.ndarray]:
    """(N,) log odds of ``count`` crops of a group or more, the higher of both sides', and the crops (N, S, S)."""
    data = {"negative_fraction": 1 - _HANDS, "negatives": {group: 1.0, "border": 0.5}, "stereo": 0.5}
    source, odds, crops = synthetic_source(data, VALIDATION_SPLIT), [], []
    hands = round(_HANDS * _BATCH)
    for number in range(-(-count // (_BATCH - hands))):
        batch = source.batch(validation_seed(seed, number), _BATCH)
        crop, distance = batch.crop[hands:], torch.from_numpy(batch.distance[hands:])
        sides = [crop, np.ascontiguousarray(crop[..., ::-1])]
        with torch.inference_mode():
            found = [net(torch.from_numpy(side), distance).presence for side in sides]
        if found[0] is None or found[1] is None:
            raise ValueError("these weights have no presence head: want a network that tells what is no hand")
        odds.append(np.maximum(found[0].double().numpy(), found[1].double().numpy()))
        crops.append(crop[:, 0])
    return np.concatenate(odds), np.concatenate(crops)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=model_file, default="", help="weights: small, or a file")
    parser.add_argument("--count", type=positive_int, default=480, help="crops a group (default 480)")
    parser.add_argument("--seed", type=seed_int, default=1)
    parser.add_argument("--pictures", type=Path, metavar="PNG", help="a sheet, two rows a group")
    a = parser.parse_args()
    torch.set_num_threads(1)
    net = load_model(model_file(a.model))
    config = TrackerConfig()
    limits = (config.scoring.candidate_log_odds, config.scoring.seen_log_odds, config.start_odds)
    above = " | ".join(f"above {limit:g}, %" for limit in limits)
    print(f"| group | crops | {above} | highest |\n|---|---|---|---|---|---|")
    tiles = []
    for group in NEGATIVE_GROUPS:
        odds, crops = group_log_odds(net, group, a.count, a.seed)
        shares = " | ".join(f"{100 * (odds > limit).mean():.1f}" for limit in limits)
        print(f"| {group} | {len(odds)} | {shares} | {odds.max():.1f} |", flush=True)
        for index in np.argsort(-odds)[: _COLUMNS * _ROWS]:
            tiles.append(_tile(crops[index], f"{group} {odds[index]:.1f}"))
    if a.pictures:
        write_png(a.pictures, tile_pictures(tiles, _COLUMNS))


def _tile(crop: np.ndarray, caption: str) -> np.ndarray:
    """A crop (S, S) from -1 near to 1 far as a picture, brighter where nearer."""
    grey = (127.5 * (1.0 - crop)).clip(0, 255).astype(np.uint8)
    rows = np.linspace(0, len(grey) - 1, _TILE_PX).round().astype(int)
    picture = np.repeat(grey[rows][:, rows, None], 3, axis=2)
    draw_caption(picture, caption, _TILE_PX)
    return picture


if __name__ == "__main__":
    main()
