"""The folder layouts of the public sets, as data, and the search for pairs in a set's root.

A layout is two patterns, one for the folders of each side. A pattern is a path below the root; ``*`` stands for any
one folder and ``**`` for any number, ``a|b`` for either, ``{split}`` for the layout's splits, ``{ir}`` and ``{vi}``
for every word that the field uses for that side. Case does not matter. An infrared and a visible folder belong
together when what their ``*``, ``**`` and ``{split}`` stand for is the same.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from mmdrfuse.datasets.pairing import (
    INFRARED_WORDS,
    VISIBLE_WORDS,
    Groups,
    Pairing,
    pair_groups,
    relative,
    walk,
)
from mmdrfuse.errors import InputError, PairingError, UnknownNameError
from mmdrfuse.images import is_picture


@dataclass(frozen=True)
class Layout:
    """How a set lays its pictures out, and what is known about it.

    Args:
        name: For ``--layout``.
        title: One line on what it holds.
        infrared: Pattern of the infrared side's folders.
        visible: Pattern of the visible side's folders.
        splits: What ``{split}`` may be.
        files: Pattern (regular expression) of the pictures' names without ending, by which the set is recognised.
        root: Pattern (regular expression) in the name of the root, where folders and files alone do not tell.
        count: Pairs in the whole set; 0 where there is no one number.
        source: Where to get it.
        licence: What its makers allow.
        citation: The paper to cite.
    """

    name: str
    title: str
    infrared: str
    visible: str
    splits: tuple[str, ...] = ()
    files: str = ".+"
    root: str = ""
    count: int = 0
    source: str = ""
    licence: str = "none stated"
    citation: str = ""


LAYOUTS: dict[str, Layout] = {
    layout.name: layout
    for layout in (
        Layout(
            name="llvip",
            title="LLVIP: streets at night from above, people labelled",
            infrared="infrared/{split}",
            visible="visible/{split}",
            splits=("train", "test"),
            files=r"\d{6}",
            count=15488,
            source="https://github.com/bupt-ai-cz/LLVIP",
            licence="non-commercial use only, with a reference to the set",
            citation="X. Jia, C. Zhu, M. Li, W. Tang, W. Zhou: LLVIP: A Visible-infrared Paired Dataset for "
            "Low-light Vision. ICCV Workshops, 2021",
        ),
        Layout(
            name="roadscene",
            title="RoadScene: road scenes cut from FLIR video, nearly each of its own size",
            infrared="cropinfrared",
            visible="crop_LR_visible",
            count=221,
            source="https://github.com/hanna-xu/RoadScene",
            citation="H. Xu, J. Ma, Z. Le, J. Jiang, X. Guo: FusionDN: A Unified Densely Connected Network for "
            "Image Fusion. AAAI, 2020",
        ),
        Layout(
            name="msrs",
            title="MSRS: road scenes by day (D) and night (N)",
            infrared="{split}/ir",
            visible="{split}/vi",
            splits=("train", "test"),
            files=r"\d{5}[DN]",
            count=1444,
            source="https://github.com/Linfeng-Tang/MSRS",
            citation="L. Tang, J. Yuan, H. Zhang, X. Jiang, J. Ma: PIAFusion: A progressive infrared and visible "
            "image fusion network based on illumination aware. Information Fusion 83-84, 2022",
        ),
        Layout(
            name="vifb",
            title="VIFB: the benchmark of 21 pairs",
            infrared="IR",
            visible="VI",
            files="carLight|carShadow|carWhite|elecbike|fight|kettle|labMan|man|manCall|manCar|manlight|manWalking"
            "|manwithbag|nightCar|peopleshadow|running|snow|tricycle|walking2?|walkingnight",
            count=21,
            source="https://github.com/xingchenzhang/VIFB",
            citation="X. Zhang, P. Ye, G. Xiao: VIFB: A Visible and Infrared Image Fusion Benchmark. "
            "CVPR Workshops, 2020",
        ),
        Layout(
            name="tno",
            title="TNO: military scenes, in the copies with one folder a side",
            infrared="{ir}",
            visible="{vi}",
            root="tno",
            source="https://figshare.com/articles/dataset/TNO_Image_Fusion_Dataset/1008029",
            licence="see the source",
            citation="A. Toet: The TNO Multiband Image Data Collection. Data in Brief 15, 2017",
        ),
        Layout(
            name="harvard",
            title="Harvard: brain slices; CT, PET or SPECT in infrared's place, MRI in visible's",
            infrared="**/CT|PET|SPECT",
            visible="**/MRI",
            files=r"\d+",
            source="https://www.med.harvard.edu/AANLIB/",
            citation="K. A. Johnson, J. A. Becker: The Whole Brain Atlas. Harvard Medical School",
        ),
        Layout(
            name="folders",
            title="any folders that are named after their side (ir, thermal, ... and vi, rgb, ...)",
            infrared="**/{ir}/**",
            visible="**/{vi}/**",
        ),
    )
}
"""Every layout by its name; a root is tried against them in this order."""

_SHOWN = 12


def find_pairs(root: Path, layout: str | None = None) -> tuple[Layout, Pairing]:
    """Find the pairs of a set below its root.

    Args:
        root: The set's root, which holds the folders of the layout.
        layout: Name of the layout; None recognises it.

    Returns:
        The layout, and its pairs; a pair's name begins with what tells its folder, such as the split. Folders with
        pictures that the layout does not use are told as ignored.

    Raises:
        InputError: The root is missing or cannot be listed.
        PairingError: No layout fits, or there is not one pair.
        UnknownNameError: There is no layout of that name.
    """
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; give the root of a set, which holds the folders of both sides")
    if layout is not None and layout not in LAYOUTS:
        raise UnknownNameError("layout", layout, LAYOUTS)
    tree = {relative(folder, root): files for folder, _, files in walk(root) if files}
    for candidate in [LAYOUTS[layout]] if layout else LAYOUTS.values():
        infrared, visible = _groups(tree, candidate, candidate.infrared), _groups(tree, candidate, candidate.visible)
        if infrared and visible and (layout or _recognised(candidate, root, infrared)):
            pairing = pair_groups(infrared, visible, where=f"{root} (layout {candidate.name})")
            used = {path.parent for side in (infrared, visible) for files in side.values() for path in files}
            spare = [root / folder for folder, files in tree.items() if any(map(is_picture, files))]
            ignored = pairing.ignored + tuple(folder for folder in spare if folder not in used)
            return candidate, replace(pairing, ignored=ignored)
    raise PairingError(_no_layout(root, tree, layout))


def _groups(tree: Groups, layout: Layout, pattern: str) -> Groups:
    """Collect the files of the folders that fit a pattern, by what its free parts stand for."""
    fits = re.compile(_expression(pattern, layout.splits), re.IGNORECASE)
    found: defaultdict[str, list[Path]] = defaultdict(list)
    for folder, files in tree.items():
        match = fits.fullmatch(f"{folder}/")
        if match:
            found["".join(part or "" for part in match.groups()).strip("/")] += files
    return found


def _expression(pattern: str, splits: Iterable[str]) -> str:
    """Give a pattern as a regular expression of a path that ends in a slash."""
    either = {"{split}": f"({_any_of(splits)})", "{ir}": _any_of(INFRARED_WORDS), "{vi}": _any_of(VISIBLE_WORDS)}
    either |= {"*": "([^/]+/)", "**": "((?:[^/]+/)*)"}
    return "".join(either.get(part) or _any_of(part.split("|")) for part in pattern.split("/"))


def _any_of(names: Iterable[str]) -> str:
    return rf"(?:{'|'.join(re.escape(name) for name in names)})/"


def _recognised(layout: Layout, root: Path, infrared: Groups) -> bool:
    """Tell whether the files, and where it matters the root, are named as in the set."""
    pictures = (path for files in infrared.values() for path in files if is_picture(path))
    named = all(re.fullmatch(layout.files, path.stem, re.IGNORECASE) for path in pictures)
    return named and re.search(layout.root, root.resolve().name, re.IGNORECASE) is not None


def _no_layout(root: Path, tree: Groups, layout: str | None) -> str:
    """Say which folders were seen, and which were looked for."""
    seen = [f"{folder or '.'} ({sum(map(is_picture, files))})" for folder, files in sorted(tree.items())]
    there = "; ".join(seen[:_SHOWN]) + (f"; and {len(seen) - _SHOWN} more" if len(seen) > _SHOWN else "")
    wanted = "\n".join(
        f"  {entry.name}: {entry.infrared} with {entry.visible}"
        for entry in LAYOUTS.values()
        if layout in (None, entry.name)
    )
    return (
        f"{root}: no folders of pairs found. Folders with files, and how many pictures: {there or 'none'}.\n"
        f"Looked for:\n{wanted}\n"
        "Give the root of the set, choose another --layout, or name the two folders after their sides (ir, vi)"
    )
