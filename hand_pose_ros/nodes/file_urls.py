"""Files that parameters name by a URL, as ROS's own tools take them -> paths.

In: the text of a parameter. Out: the path that ``file:`` names, or ``package://`` in the share folder of an installed
package; every other text as it is. ValueError, with one sentence, for a URL that names no file here.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

from hand_pose_ros.validation import shown

_WANT = "want a path, file:///... or package://<package>/..."


def local_path(name: str, text: str) -> str:
    """The path that the parameter of this name means."""
    if text.startswith("file:/") and not text.startswith(
        "file://"
    ):  # without a host, as RFC 8089 has it, too
        text = text.replace("file:", "file://", 1)
    scheme, separator, rest = text.partition("://")
    if not separator:
        return text
    told = f"{name} is '{shown(text)}'"
    # Names of files may hold ? and #, which mean something to servers only.
    host, slash, path = rest.partition("/")
    path = unquote(slash + path)
    if scheme.lower() == "file" and host in ("", "localhost") and path and "\0" not in path:
        return path
    if scheme.lower() != "package" or not host or not path.strip("/") or "\0" in path:
        raise ValueError(f"{told}: {_WANT}")
    # Here and not above: only whoever names a package needs it.
    from ament_index_python.packages import PackageNotFoundError, get_package_share_directory

    try:
        share = get_package_share_directory(host)
    except (PackageNotFoundError, ValueError) as error:  # ValueError: no package can have this name
        raise ValueError(
            f"{told}, but there is no package '{shown(host)}': source its workspace, or name a path"
        ) from error
    return str(Path(share) / path.lstrip("/"))
