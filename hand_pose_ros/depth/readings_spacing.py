"""How far apart the readings on the surfaces of a depth image lie.

In: depth (H,W) float32 metres, NaN = no reading. Out: :class:`Spacing`, measured over the whole image; None where
nearly every pixel of a surface has a reading, and where there is no surface; and whether a dense image has a lattice of
readings somewhere all the same. ``sparse`` fills the holes.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.kernel_cache import njit


class Spacing(NamedTuple):
    """How far apart the readings on a surface lie."""

    column_px: int
    """How far to the left and right of a pixel readings count, px."""
    row_px: int
    """The same up and down, px."""
    whole: float
    """What the readings about a pixel weigh amid a surface."""
    least: float
    """What they weigh at least where there is a surface."""


# Edges of the blocks that must each hold a reading for a tile of 3 x 3 of them to show a surface, px: a block is as
# wide as the sparsest pattern's spacing, and a tile that an outline or a gap crosses has empty ones. The wider blocks
# are for images that show no surface in the narrower ones. Chosen: patterns that repeat within 8 px
# (test/depth/test_sparse.py).
_BLOCKS = (4, 6, 8)
_BLOCKS_ACROSS = 3
# So many tiles that show a surface decide, at least and at most. Guessed: the most is a few hundredths of a whole
# dense image; a dense hand that has fewer than the least is thinner than a tile everywhere.
_LEAST_TILES, _ENOUGH_TILES = 10, 64
# An image is dense when a tenth of these tiles have so large a share of pixels with a reading: a whole tile has 1 but
# for noise, the densest pattern tried (registered, 1.1 times) 0.84.
_DENSE_SHARE, _DENSEST = 0.85, 0.9
_DENSE_TILES = math.ceil((1.0 - _DENSEST) * _ENOUGH_TILES)
# With less than this share (readings more than four px apart both ways) a surface cannot be told from scattered
# readings, unless they are a lattice: left as it is. Of a lattice: as far apart as a tent reaches.
_LEAST_SHARE, _LEAST_OF_LATTICE = 1.0 / 16.0 - 1e-6, 1.0 / 64.0 - 1e-6
# With more readings than this in the mean gap along a row times that along a column, the pattern is no lattice: a
# checkerboard has 2, random readings more.
_IRREGULAR = 1.5
# Mean spacings that a tent then reaches. Derived: it holds 16 random readings, whose weight seldom falls below a half.
_SPACINGS = 2.0
# A gap this near to a whole number of px, as a share of it, is that: single readings are missing in any image.
_WHOLE_SHARE = 0.075
# All but this share of the gaps are bridged: pairs of rows have gaps of 1 and 3, and single readings are missing in any
# image. Guessed: more than are missing by chance, less than the fourth of them that is wide where rows come by fours.
_WIDER_SHARE = 0.1
# Readings come in clumps where so many times more of them have the next one beside them than have it among scattered
# ones: 1 there, 1.3 of squares of 4 px. Guessed, between.
_CLUMPED = 1.15
# No tent reaches farther, px: as far as the wider blocks see.
_FARTHEST_PX = 8
# Share of the whole weight from which on a pixel lies on the surface: half on an outline is neither to grow nor to
# shrink; less where the weight varies, which moves an outline by a tenth of the tent.
_ON_SURFACE, _ON_IRREGULAR_SURFACE = 0.5, 0.4
# Part of a dense image is a lattice where a square of so many blocks of the narrowest kind is one, that is where each
# holds readings and holes and the gaps are those of a lattice; of random readings whose share is at most this the mean
# gaps' product is more. Squares are looked for about places so many px apart, which a palm at 1 m is sure to cover.
# Chosen: none in the real frames, every lattice of up to 4 px that the tests know.
_LATTICE_BLOCKS, _LATTICE_SHARE, _LATTICE_IN_GAPS, _PLACES_PX = 6, 0.7, 1.25, 24
# Sums of weights are rounded: half is half within this share of it.
_ROUNDING = 1.0e-5


def readings_spacing(depth: NDArray[np.float32]) -> Spacing | None:
    """The spacing of the readings of depth (H,W) float32 m; None where they are dense or there is no surface."""
    seen: _Pattern | None = None
    for block in _BLOCKS:
        column_gaps, row_gaps = np.zeros((2, _BLOCKS_ACROSS * block), np.int64)
        share = _measure(depth, block, column_gaps, row_gaps)
        if share in (-1.0, 1.0):
            break
        if share == 0.0:
            continue
        pattern = _Pattern(share, column_gaps, row_gaps)
        # Of a lattice wider than a block only those tiles count that happen to have a reading in each: it looks
        # irregular, and wider blocks tell.
        if seen is None or pattern.is_lattice:
            seen = pattern
        if pattern.is_lattice or max(_mean(column_gaps), _mean(row_gaps)) <= block:
            break
    least = _LEAST_OF_LATTICE if seen is not None and seen.is_lattice else _LEAST_SHARE
    return None if seen is None or seen.share < least else _spacing(seen)


class _Pattern(NamedTuple):
    """How the readings of surfaces lie."""

    share: float
    """Of pixels with a reading, the median."""
    column_gaps: NDArray[np.int64]
    row_gaps: NDArray[np.int64]
    """How many readings are so many px from the next one along a row, and along a column."""

    @property
    def in_gaps(self) -> float:
        """Readings in the mean gap along a row times that along a column."""
        return float(self.share * _mean(self.column_gaps) * _mean(self.row_gaps))

    @property
    def is_regular(self) -> bool:
        """Whether it may be a lattice."""
        return self.in_gaps < _IRREGULAR

    @property
    def is_lattice(self) -> bool:
        """Whether it is taken for one: where there are so few readings only what surely is, for of scattered readings
        those tiles alone are looked at that happen to have enough."""
        return self.in_gaps < (_LATTICE_IN_GAPS if self.share < _LEAST_SHARE else _IRREGULAR)


def _spacing(pattern: _Pattern) -> Spacing:
    # A lattice has one reading in a gap along a row times one along a column and weighs the same everywhere; the weight
    # of irregular readings varies, and a wider tent evens it out.
    share, column_gaps, row_gaps = pattern
    regular = pattern.is_regular
    if regular and max(_mean(column_gaps), _mean(row_gaps)) > _BLOCKS[0]:
        share /= pattern.in_gaps  # a tile holds too few for its share to be exact
    widen = 1.0 if regular else _SPACINGS / math.sqrt(pattern.in_gaps)
    column_px, row_px = (_whole_px(widen * _mean(gaps)) for gaps in (column_gaps, row_gaps))
    column_wide, row_wide = _widest(column_gaps, regular), _widest(row_gaps, regular)
    even = regular and column_wide <= column_px and row_wide <= row_px
    column_px, row_px = (
        min(max(own, wide), _FARTHEST_PX) for own, wide in ((column_px, column_wide), (row_px, row_wide))
    )
    whole = share * column_px * row_px
    on_surface = _ON_SURFACE if even else _ON_IRREGULAR_SURFACE
    return Spacing(column_px, row_px, whole, on_surface * whole * (1.0 + _ROUNDING))


@njit(nogil=True, cache=True)
def has_lattice(depth: NDArray[np.float32]) -> bool:
    """Whether the readings of depth (H,W) float32 m are a lattice with holes somewhere, whatever they are elsewhere."""
    half = _LATTICE_BLOCKS * _BLOCKS[0] // 2
    for y in range(half, depth.shape[0] - 2 * half + 1, _PLACES_PX):
        for x in range(half, depth.shape[1] - 2 * half + 1, _PLACES_PX):
            # A line askew to every pattern: of a lattice with holes it meets six at most.
            met = 0
            for i in range(8):
                met += 0.0 < depth[y + i, x + 5 * i // 2] < np.inf
            if met > 6 or not _is_lattice(depth, y, x, _LATTICE_BLOCKS // 2):
                continue
            for row in range(y - half, y + 1, half):
                for column in range(x - half, x + 1, half):
                    if _is_lattice(depth, row, column, _LATTICE_BLOCKS):
                        return True
    return False


@njit(nogil=True, cache=True)
def _is_lattice(depth: NDArray[np.float32], row: int, column: int, blocks: int) -> bool:
    """Whether the square of so many blocks that begins at (row, column) is one with holes."""
    block, side = _BLOCKS[0], blocks * _BLOCKS[0]
    total = 0
    for top in range(row, row + side, block):
        for left in range(column, column + side, block):
            count = _readings_of_block(depth, top, left, block)
            if count in (0, block * block):
                return False
            total += count
    share = total / (side * side)
    if share > _LATTICE_SHARE:
        return False
    column_gaps, row_gaps = np.zeros(side, np.int64), np.zeros(side, np.int64)
    _count_gaps(depth, row, column, side, column_gaps, row_gaps)
    return bool(share * _mean(column_gaps) * _mean(row_gaps) < _LATTICE_IN_GAPS)


@njit(nogil=True, cache=True)
def _mean(gaps: NDArray[np.int64]) -> float:
    """Of gaps (px), which are counted by their size; 1 where there is none."""
    total = gaps.sum()
    return (gaps * np.arange(len(gaps))).sum() / total if total > 0 else 1.0


def _widest(gaps: NDArray[np.int64], regular: bool) -> int:
    """The gap (px) that all but a few are at most as wide as; 1 of readings that are neither in a lattice nor in
    clumps, about which what lies in other rows is as near."""
    if not gaps.any():
        return 1
    clumped = gaps[1] * _mean(gaps) > _CLUMPED * gaps.sum()
    widest = int(np.searchsorted(np.cumsum(gaps), (1.0 - _WIDER_SHARE) * gaps.sum()))
    return widest if regular or clumped else 1


def _whole_px(gap: float) -> int:
    """The widest distance between two readings that are a gap (px, at least 1) apart on average."""
    return round(gap) if abs(gap - round(gap)) <= _WHOLE_SHARE * gap else math.ceil(gap)


@njit(nogil=True, cache=True)
def _measure(
    depth: NDArray[np.float32], block: int, column_gaps: NDArray[np.int64], row_gaps: NDArray[np.int64]
) -> float:
    """The median share of pixels with a reading in tiles that show a surface; 1 of a dense image, 0 without one, -1
    where there are hardly any readings at all.

    Into column_gaps and row_gaps (tile,) go how many readings of these tiles are so many px from the next one along a
    row and along a column.
    """
    tile_px = _BLOCKS_ACROSS * block
    # Tiles overlap: they begin at every block.
    rows, columns = (depth.shape[0] - tile_px) // block + 1, (depth.shape[1] - tile_px) // block + 1
    if rows < 1 or columns < 1:
        return 0.0
    tiles = rows * columns
    shares = np.empty(_ENOUGH_TILES, np.float64)
    chosen = np.empty(_ENOUGH_TILES, np.int64)
    found = begun = dense = 0
    # Steps of the golden ratio, prime to the number of tiles, scatter the tiles over the image.
    step = max(int(tiles * 0.618), 1)
    while tiles > 1 and _common_divisor(step, tiles) > 1:
        step += 1
    for n in range(tiles):
        tile = (n * step) % tiles
        total = _readings_of_surface(depth, tile // columns * block, tile % columns * block, block)
        begun += total >= 0
        if total <= 0:
            continue
        shares[found], chosen[found] = total / (tile_px * tile_px), tile
        dense += shares[found] >= _DENSE_SHARE
        found += 1
        if dense > _DENSE_TILES and found >= _LEAST_TILES:
            return 1.0  # whatever the others have
        if found == _ENOUGH_TILES:
            break
    if found < _LEAST_TILES:
        return 0.0 if begun >= _LEAST_TILES else -1.0
    if np.quantile(shares[:found], _DENSEST) >= _DENSE_SHARE:
        return 1.0
    for n in range(found):
        y, x = chosen[n] // columns * block, chosen[n] % columns * block
        _count_gaps(depth, y, x, tile_px, column_gaps, row_gaps)
    return float(np.median(shares[:found]))


@njit(nogil=True, cache=True)
def _count_gaps(
    depth: NDArray[np.float32],
    y: int,
    x: int,
    side: int,
    column_gaps: NDArray[np.int64],
    row_gaps: NDArray[np.int64],
) -> None:
    """Into column_gaps and row_gaps (side,) go how many readings of the square of side px that begins at (y, x) are so
    many px from the next one along a row and along a column."""
    for i in range(side):
        in_row = in_column = -1
        for j in range(side):
            if 0.0 < depth[y + i, x + j] < np.inf:
                if in_row >= 0:
                    column_gaps[j - in_row] += 1
                in_row = j
            if 0.0 < depth[y + j, x + i] < np.inf:
                if in_column >= 0:
                    row_gaps[j - in_column] += 1
                in_column = j


@njit(nogil=True, cache=True)
def _readings_of_block(depth: NDArray[np.float32], row: int, column: int, block: int) -> int:
    """How many pixels of the block that begins at (row, column) have a reading."""
    count = 0
    for r in range(row, row + block):
        for c in range(column, column + block):
            count += 0.0 < depth[r, c] < np.inf
    return count


@njit(nogil=True, cache=True)
def _readings_of_surface(depth: NDArray[np.float32], row: int, column: int, block: int) -> int:
    """How many pixels of the tile that begins at (row, column) have a reading; 0 when a block of it has none, -1 when
    the first one has none."""
    total = 0
    tile_px = _BLOCKS_ACROSS * block
    for top in range(row, row + tile_px, block):
        for left in range(column, column + tile_px, block):
            count = _readings_of_block(depth, top, left, block)
            if count == 0:
                return 0 if total > 0 else -1
            total += count
    return total


@njit(nogil=True, cache=True)
def _common_divisor(a: int, b: int) -> int:
    """The greatest."""
    while b:
        a, b = b, a % b
    return a
