"""``hand-pose urdf``: the human hand as a robot description, of the template's size or a user's.

In: a side, perhaps a user whose hand was learnt (tracking/user_profile.py). Out: URDF on the terminal or in a file;
with ``--xacro`` the file ``urdf/human_hand.urdf.xacro``, which takes side and size as arguments. Exit status 2 for a
user who has none.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hand_pose_ros.commands.arguments import require_all, require_outputs
from hand_pose_ros.files import write_text
from hand_pose_ros.hand.skeleton import SIDES
from hand_pose_ros.nodes.tracker_factory import user_folder
from hand_pose_ros.retarget.urdf import urdf_text, xacro_text
from hand_pose_ros.tracking.user_profile import load_profile


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``hand-pose urdf``."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--side", choices=SIDES, help="whose description to write")
    what.add_argument("--xacro", action="store_true", help="of any hand, with side and size as arguments")
    parser.add_argument("--user", default="", help="whose hand: its size, as the tracker has learnt it")
    parser.add_argument(
        "--user-folder", default="", metavar="DIR", help="where users are (the tracker's default)"
    )
    parser.add_argument("--prefix", default="", help="before the names of all links, such as right_hand/")
    parser.add_argument("--output", type=Path, metavar="FILE", help="file to write (default: the terminal)")


def run(arguments: argparse.Namespace) -> None:
    """Write the description."""
    require_all(
        (not (arguments.xacro and arguments.user), "--user does not go with --xacro, which is of any hand"),
        (
            not (arguments.xacro and arguments.prefix),
            "--prefix does not go with --xacro, whose argument it is",
        ),
        (not arguments.user_folder or bool(arguments.user), "--user-folder goes with --user"),
    )
    require_outputs(arguments.output)
    text = xacro_text() if arguments.xacro else _urdf(arguments)
    if arguments.output is None:
        sys.stdout.write(text)
    else:
        write_text(arguments.output, text)


def _urdf(arguments: argparse.Namespace) -> str:
    """The text for the template's or a user's hand; ValueError where nobody has learnt the latter's."""
    user = arguments.user
    if not user:
        return urdf_text(arguments.side, prefix=arguments.prefix)
    try:
        where = user_folder(arguments.user_folder)
    except RuntimeError as error:  # no HOME, and no entry for this user id
        raise ValueError(f"the folder of user '{user}' is not known ({error}): give --user-folder") from error
    profile = load_profile(where, user)
    if profile is None:
        raise ValueError(f"there is no user '{user}' in '{where}': the tracker's parameter 'user' makes one")
    return urdf_text(arguments.side, profile.shape, profile.thickness or 0.0, arguments.prefix)
