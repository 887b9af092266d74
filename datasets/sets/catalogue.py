"""The public sets: how each is laid out, and what is known about it, as data.

A pattern of folders is a path below the root; ``*`` stands for any characters of one folder's name and ``**`` for any
number of folders, ``a|b`` for either, ``?a|b`` for either or none, ``{split}`` for the layout's splits, ``{ir}`` and
``{vi}`` for every word that the field uses for that side. Case does not matter.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple


class Form(NamedTuple):
    """One way in which copies of a set are laid out.

    Several forms of one set are tried in their order; a form is recognised when both sides are there and all that it
    says of names is true.
    """

    infrared: str
    """Pattern of the infrared side's folders."""
    visible: str
    """Pattern of the visible side's folders."""
    files: str = ".+"
    """Regular expression of the infrared pictures' names without ending."""
    root: str = ""
    """Regular expression in the name of the root, where folders and files alone do not tell the set."""
    beside: str = ""
    """Pattern of a folder that must be there too, where the sides alone do not tell the set."""
    sides: tuple[str, str] = ("", "")
    """Regular expressions of the names on either side, where both lie in one folder; other pictures are told."""
    key: str = ""
    """Regular expression of what is equal in the names of a pair, as for ``--pair-regex``; empty for the usual rule."""


@dataclass(frozen=True)
class Layout:
    """How a set lays its pictures out, and what is known about it.

    Args:
        name: For ``--layout``.
        title: One line on what it holds.
        forms: How its copies are laid out, the usual one first.
        splits: What ``{split}`` may be.
        labels: Patterns of the folders of annotations, which are known and not read.
        scene: Regular expression at the begin of a pair's name that tells the scene or sequence it was taken from;
            empty where each pair is a scene of its own.
        count: Pairs in the whole set; 0 where there is no one number.
        size: Width and height of its pictures; None where they differ.
        source: Where to get it.
        licence: What its makers allow.
        citation: The paper to cite.
    """

    name: str
    title: str
    forms: tuple[Form, ...] = ()
    splits: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    scene: str = ""
    count: int = 0
    size: tuple[int, int] | None = None
    source: str = ""
    licence: str = "none stated"
    citation: str = ""

    def scene_of(self, name: str) -> str:
        """Tell the scene that a pair was taken from, by its name; pairs of one scene look alike.

        Example:
            >>> LAYOUTS["llvip"].scene_of("train/010101"), LAYOUTS["folders"].scene_of("night/7")
            ('0101', 'night/7')
        """
        found = re.match(self.scene, name) if self.scene else None
        return found[1] if found else name


LAYOUTS: dict[str, Layout] = {
    layout.name: layout
    for layout in (
        Layout(
            name="llvip",
            title="LLVIP: streets at night from above, people labelled",
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
            title="RoadScene: road scenes cut from FLIR video, nearly each of its own size",
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
            title="MSRS: road scenes by day (D) and night (N); its detection folder holds 80 of them again, with boxes",
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
            title="M3FD: roads, campus and beach by day, night, overcast and fog; six kinds of objects labelled",
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
            title="FMB: street scenes of all day and weather, every pixel labelled",
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
            title="KAIST: videos from a car by day and night, people labelled",
            forms=(Form("**/set*/V*/{ir}", "**/set*/V*/{vi}", files=r"I\d{5}"),),
            labels=("**/annotations*/**",),
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
            title="VIFB: the benchmark of 21 pairs",
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
            title="TNO: military scenes by night vision; pictures of near infrared belong to neither side",
            forms=(
                Form(
                    "{split}/**/?thermal|rad",
                    "{split}/**/?visual|dhv",
                    sides=(
                        r"(?:.*[-_])?(?:lw)?ir(?:\d*|[-_].*)|rad(?:heli)?\d+|\d+i|2_.*",
                        r"(?:.*[-_])?vis(?:\d*|[-_].*)|dhv(?:heli)?\d+|\d+v|1_.*|bunker_r",
                    ),
                    key=r"(\d*)\D*$",  # names are free: in a scene's folder the last number tells, if there is one
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
            title="CDDFuse's test sets: TNO and RoadScene with brain slices of the Harvard atlas",
            forms=(Form("{split}/{ir}", "{split}/{vi}", beside="MRI_*/**"),),
            splits=("TNO", "RoadScene", "MSRS", "MRI_CT", "MRI_PET", "MRI_SPECT"),
            source="https://github.com/Zhaozixiang1228/MMIF-CDDFuse",
            citation="Z. Zhao, H. Bai, J. Zhang, Y. Zhang, S. Xu, Z. Lin, R. Timofte, L. Van Gool: CDDFuse: "
            "Correlation-Driven Dual-Branch Feature Decomposition for Multi-Modality Image Fusion. CVPR, 2023",
        ),
        Layout(
            name="harvard",
            title="Harvard: brain slices; CT, PET or SPECT in infrared's place, MRI in visible's",
            forms=(Form("**/CT|PET|SPECT", "**/MRI", files=r"\d+"),),
            size=(256, 256),
            source="https://www.med.harvard.edu/AANLIB/",
            citation="K. A. Johnson, J. A. Becker: The Whole Brain Atlas. Harvard Medical School",
        ),
        Layout(
            name="folders",
            title="any folders that are named after their side (ir, thermal, ... and vi, rgb, ...)",
            forms=(Form("**/{ir}/**", "**/{vi}/**"),),
        ),
    )
}
"""Every layout by its name; a root is tried against them in this order."""

TABLE = Layout("table", "a table of pairs (CSV)")
"""For pairs that no folder told."""
