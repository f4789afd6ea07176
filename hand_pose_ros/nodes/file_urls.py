"""Files that parameters name by a URL, as ROS's own tools take them -> paths.

In: the text of a parameter. Out: the path that ``file://`` names, or ``package://`` in the share folder of an installed
package; every other text as it is. ValueError, with one sentence, for a URL that names no file here.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from hand_pose_ros.validation import shown

_WANT = "want a path, file:///... or package://<package>/..."


def local_path(name: str, text: str) -> str:
    """The path that the parameter of this name means."""
    if "://" not in text:
        return text
    told = f"{name} is '{shown(text)}'"
    try:
        url = urlsplit(text)
    except ValueError as error:  # brackets in a host's place
        raise ValueError(f"{told}: {_WANT}") from error
    path = unquote(url.path)
    if url.scheme == "file" and url.netloc in ("", "localhost") and path:
        return path
    if url.scheme != "package" or not url.netloc or not path.strip("/"):
        raise ValueError(f"{told}: {_WANT}")
    # Here and not above: only whoever names a package needs it.
    from ament_index_python.packages import PackageNotFoundError, get_package_share_directory

    try:
        share = get_package_share_directory(url.netloc)
    except (PackageNotFoundError, ValueError) as error:  # ValueError: no package can have this name
        raise ValueError(
            f"{told}, but there is no package '{shown(url.netloc)}': source its workspace, or name a path"
        ) from error
    return str(Path(share) / path.lstrip("/"))
