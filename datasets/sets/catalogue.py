"""The catalogue of public sets, as data: the layout of each, its size, source, licence and citation.

A pattern of folders is a path below the root. ``*`` stands for any characters of one folder's name, ``**`` for any
number of folders, ``a|b`` for either, ``?a|b`` for either or none, ``{split}`` for the layout's splits. ``{ir}`` and
``{vi}`` stand for every word that the field uses for that side. Case does not matter.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple


class Form(NamedTuple):
    """One way in which copies of a set are laid out.

    The forms of a set are tried in their order. A form is recognised if both sides exist and all names fit it.
    """

    infrared: str
    """Pattern of the infrared side's folders."""
    visible: str
    """Pattern of the visible side's folders."""
    files: str = ".+"
    """Regular expression for the infrared pictures' names without ending."""
    root: str = ""
    """Regular expression that the root's name must contain, if folders and files alone do not identify the set."""
    beside: str = ""
    """Pattern of a folder that must exist too, if the sides alone do not identify the set."""
    sides: tuple[str, str] = ("", "")
    """Regular expressions for the names of each side, if both lie in one folder; other pictures are reported."""
    key: str = ""
    """Regular expression for the part of the names that a pair shares, see `regex_key`; empty for the usual rule."""


@dataclass(frozen=True)
class Layout:
    """The layout of a set, and the facts about it.

    Args:
        name: Its name in `LAYOUTS`, in lower case.
        title: A line on what it holds.
        forms: The layouts of its copies, the usual one first.
        splits: The folders that ``{split}`` stands for.
        labels: Patterns of the folders of annotations, which are recognised and not read.
        test: Regular expression for the beginning of the names of the pairs that are for testing, if the folders of the
            splits do not say so; all others are for training.
        scene: Regular expression for the beginning of a pair's name, whose group is the scene or sequence; empty if
            each pair is a scene of its own.
        count: Pairs in the whole set; 0 if copies differ.
        size: Width and height of its pictures; None if they differ.
        source: Where to get it.
        licence: What its makers allow.
        citation: The paper to cite.
    """

    name: str
    title: str
    forms: tuple[Form, ...] = ()
    splits: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    test: str = ""
    scene: str = ""
    count: int = 0
    size: tuple[int, int] | None = None
    source: str = ""
    licence: str = "none stated"
    citation: str = ""

    def scene_of(self, name: str) -> str:
        """Return the scene of a pair by its name; pairs of one scene look alike.

        Example:
            >>> LAYOUTS["llvip"].scene_of("train/010101"), LAYOUTS["folders"].scene_of("night/7")
            ('0101', 'night/7')
        """
        match = re.match(self.scene, name) if self.scene else None
        return match[1] if match else name


LAYOUTS: dict[str, Layout] = {
    layout.name: layout
    for layout in (
        Layout(
            name="llvip",
            title="LLVIP: streets at night, seen from above; people are labelled",
            forms=(Form("{ir}/{split}", "{vi}/{split}", files=r"(?:0[1-9]|1\d|2[0-6])\d{4}"),),
            splits=("train", "test"),
            labels=("annotation|annotations/**",),
            scene=r"(?:.*/)?(\d{4})\d\d$",
            count=15488,
            size=(1280, 1024),
            source="https://github.com/bupt-ai-cz/LLVIP",
            licence="non-commercial use only, with a reference to the set",
            citation="X. Jia, C. Zhu, M. Li, W. Tang, W. Zhou: LLVIP: A Visible-infrared Paired Dataset for "
            "Low-light Vision. ICCV Workshops, 2021",
        ),
        Layout(
            name="roadscene",
            title="RoadScene: road scenes cut from FLIR videos, in many sizes",
            forms=(
                Form("cropinfrared", "crop_LR_visible"),
                Form("cropinfrared", "crop_HR_visible"),
                Form("{ir}", "{vi}", files=r"FLIR_(?:video_)?\d{5}", root="road"),
            ),
            count=221,
            source="https://github.com/hanna-xu/RoadScene",
            citation="H. Xu, J. Ma, Z. Le, J. Jiang, X. Guo: FusionDN: A Unified Densely Connected Network for "
            "Image Fusion. AAAI, 2020",
        ),
        Layout(
            name="msrs",
            title="MSRS: road scenes by day (D) and night (N); the folder detection repeats 80 of them, with boxes",
            forms=(
                Form("{split}/{ir}", "{split}/{vi}", files=r"\d{5}[DN]"),
                Form("detection/{ir}", "detection/{vi}", files=r"\d{1,4}|\d{5}[DN]"),
            ),
            splits=("train", "test"),
            labels=("{split}/segmentation_*", "detection/labels"),
            count=1444,
            size=(640, 480),
            source="https://github.com/Linfeng-Tang/MSRS",
            citation="L. Tang, J. Yuan, H. Zhang, X. Jiang, J. Ma: PIAFusion: A progressive infrared and visible "
            "image fusion network based on illumination aware. Information Fusion 83-84, 2022",
        ),
        Layout(
            name="m3fd",
            title="M3FD: roads, campus and beach by day, at night and in fog; six kinds of objects are labelled",
            forms=(
                Form("{ir}", "{vi}", files=r"(?:M3FD_)?\d{5}", beside="annotation|annotations"),
                Form("{ir}", "{vi}", files=r"(?:M3FD_)?\d{5}", beside="meta"),
                Form("{ir}", "{vi}", files=r"(?:M3FD_)?\d{5}", root="m3fd"),
            ),
            labels=("annotation|annotations|labels|meta/**",),
            count=4200,
            size=(1024, 768),
            source="https://github.com/JinyuanLiu-CV/TarDAL",
            citation="J. Liu, X. Fan, Z. Huang, G. Wu, R. Liu, W. Zhong, Z. Luo: Target-aware Dual Adversarial "
            "Learning and a Multi-scenario Multi-Modality Benchmark to Fuse Infrared and Visible for Object "
            "Detection. CVPR, 2022",
        ),
        Layout(
            name="fmb",
            title="FMB: streets at all times of day and in all weather; every pixel is labelled",
            forms=(Form("{split}/{ir}", "{split}/{vi}", files=r"\d{5}", beside="{split}/label"),),
            splits=("train", "test"),
            labels=("{split}/label|labels|color",),
            count=1500,
            size=(800, 600),
            source="https://github.com/JinyuanLiu-CV/SegMiF",
            citation="J. Liu, Z. Liu, G. Wu, L. Ma, R. Liu, W. Zhong, Z. Luo, X. Fan: Multi-interactive Feature "
            "Learning and a Full-time Multi-modality Benchmark for Image Fusion and Segmentation. ICCV, 2023",
        ),
        Layout(
            name="kaist",
            title="KAIST: videos from a car by day and night; people are labelled",
            forms=(Form("**/set*/V*/{ir}", "**/set*/V*/{vi}", files=r"I\d{5}"),),
            labels=("**/annotations*/**",),
            test=r"(?i:.*/)?set(?:0[6-9]|1[01])/",
            scene=r"(?i:.*/)?(set\d+/V\d+)/",
            count=95328,
            size=(640, 512),
            source="https://github.com/SoonminHwang/rgbt-ped-detection",
            licence="see the source",
            citation="S. Hwang, J. Park, N. Kim, Y. Choi, I. S. Kweon: Multispectral Pedestrian Detection: Benchmark "
            "Dataset and Baseline. CVPR, 2015",
        ),
        Layout(
            name="vifb",
            title="VIFB: a benchmark of 21 pairs",
            forms=(
                Form(
                    "{ir}",
                    "{vi}",
                    files="carLight|carShadow|carWhite|elecbike|fight|kettle|labMan|man|manCall|manCar|manlight"
                    "|manWalking|manwithbag|nightCar|peopleshadow|running|snow|tricycle|walking2?|walkingnight",
                ),
            ),
            count=21,
            source="https://github.com/xingchenzhang/VIFB",
            citation="X. Zhang, P. Ye, G. Xiao: VIFB: A Visible and Infrared Image Fusion Benchmark. "
            "CVPR Workshops, 2020",
        ),
        Layout(
            name="tno",
            title="TNO: military scenes by night vision; its near-infrared pictures are left out",
            forms=(
                Form(
                    "{split}/**/?thermal|rad",
                    "{split}/**/?visual|dhv",
                    sides=(
                        r"(?:.*[-_])?(?:lw)?ir(?:\d*|[-_].*)|rad(?:heli)?\d+|\d+i|2_.*",
                        r"(?:.*[-_])?vis(?:\d*|[-_].*)|dhv(?:heli)?\d+|\d+v|1_.*|bunker_r",
                    ),
                    # names follow no rule: within a scene's folder, the last number tells the pairs apart
                    key=r"(\d*)\D*$",
                ),
                Form("{ir}", "{vi}", root="tno"),
            ),
            splits=("athena_images", "dhv_images", "fel_images", "triclobs_images", "tank"),
            scene=r"(.*_sequence(?:/part_\d+)?)/",
            source="https://figshare.com/articles/dataset/TNO_Image_Fusion_Dataset/1008029",
            licence="see the source",
            citation="A. Toet: The TNO Multiband Image Data Collection. Data in Brief 15, 2017",
        ),
        Layout(
            name="cddfuse",
            title="CDDFuse: its test sets: TNO, RoadScene, and brain slices of the Harvard atlas",
            forms=(Form("{split}/{ir}", "{split}/{vi}", beside="MRI_*/**"),),
            splits=("TNO", "RoadScene", "MSRS", "MRI_CT", "MRI_PET", "MRI_SPECT"),
            source="https://github.com/Zhaozixiang1228/MMIF-CDDFuse",
            citation="Z. Zhao, H. Bai, J. Zhang, Y. Zhang, S. Xu, Z. Lin, R. Timofte, L. Van Gool: CDDFuse: "
            "Correlation-Driven Dual-Branch Feature Decomposition for Multi-Modality Image Fusion. CVPR, 2023",
        ),
        Layout(
            name="harvard",
            title="Harvard: brain slices; CT, PET or SPECT is the infrared side, MRI the visible side",
            forms=(Form("**/CT|PET|SPECT", "**/MRI", files=r"\d+"),),
            size=(256, 256),
            source="https://www.med.harvard.edu/AANLIB/",
            citation="K. A. Johnson, J. A. Becker: The Whole Brain Atlas. Harvard Medical School",
        ),
        Layout(
            name="folders",
            title="any folders that are named after their side: ir, thermal, ... and vi, rgb, ...",
            forms=(Form("**/{ir}/**", "**/{vi}/**"),),
        ),
    )
}
"""All layouts by name; `find_pairs` tries them in this order."""

TABLE = Layout("table", "a table of pairs (CSV)")
"""The layout of pairs that come from a table."""
