import numpy as np
import pytest

from mmdrfuse.errors import InputError, MMDRFuseError, SizeError, UnknownNameError
from mmdrfuse.metrics import METRICS, PROTOCOLS, evaluate, find_metric, find_protocol, names

# Of three constant images, gray ones: where the programs divide 0 by 0 and that is kept
UNDEFINED = {
    "vifb": {"Qcb", "Qcv"},
    "liu": {"QMI", "QTE", "QTE_cvejic", "QNCIE", "Qcb", "Qcv", "QP"},
    "zoo": {"QNCIE", "Nabf", "Qcb"},
}
ROUNDING_DECIDES = {("liu", "QC"), ("liu", "QY")}
EVERY_RULE = [(name, protocol) for protocol in PROTOCOLS for name in names(protocol)]


@pytest.fixture
def stored(rng):
    return rng.integers(0, 256, (3, 48, 50), np.uint8)


def test_the_usual_three_are_scored_by_default(stored):
    assert list(evaluate(*stored)) == ["EN", "SD", "VIF"]


@pytest.mark.parametrize("metrics", ["en", ("en", "EN"), iter(["eN"])])
def test_names_come_in_any_case_once_or_in_a_row(stored, metrics):
    assert list(evaluate(*stored, metrics=metrics)) == ["EN"]


def test_scores_come_in_the_order_asked_for(stored):
    assert list(evaluate(*stored, metrics=("SD", "cc", "EN"))) == ["SD", "CC", "EN"]


def test_a_source_that_cannot_be_written_is_scored_as_any_other(stored):
    fused, a, b = stored.astype(np.float64)
    writable = evaluate(fused, a, b, metrics=("SSIM", "VIF", "Qabf"))
    a.setflags(write=False)
    assert evaluate(fused, a, b, metrics=("SSIM", "VIF", "Qabf")) == writable


@pytest.mark.parametrize(("alias", "name"), [("mmdrfuse", "cddfuse"), ("TANG_TABLE", "tang-table"), ("Liu", "liu")])
def test_protocols_have_aliases(stored, alias, name):
    assert names(alias) == names(name)
    assert find_protocol(alias) is PROTOCOLS[name]


@pytest.mark.parametrize(
    ("theirs", "protocol", "ours"),
    [
        ("Avg_gradient", "vifb", "AG"),
        ("variance", "vifb", "SD"),
        ("QE_fixed", "liu", "QE"),
        ("MS-SSIM", "standard", "MS_SSIM"),
        ("QCV", "liu", "Qcv"),
    ],
)
def test_programs_own_names_are_understood(theirs, protocol, ours):
    assert find_metric(theirs, PROTOCOLS[protocol]) is METRICS[ours]


def test_viff_is_not_the_viff_of_another_program():
    assert METRICS["VIF"].protocols["cddfuse"].program_name == "VIFF"
    with pytest.raises(MMDRFuseError, match="but under standard; what its program calls VIFF is VIF here"):
        find_metric("VIFF", PROTOCOLS["cddfuse"])


def test_a_metric_that_the_protocol_lacks_is_an_error_with_the_protocols_that_have_it(stored):
    with pytest.raises(MMDRFuseError, match="Qcb is not defined under tang, but under standard, vifb, liu"):
        evaluate(*stored, metrics="Qcb", protocol="tang")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metrics": "SIMM"}, "unknown metric 'SIMM': did you mean SSIM"),
        ({"metrics": ["EN", "xyzzy"]}, "unknown metric 'xyzzy': known: EN, CE"),
        ({"protocol": "vifp"}, "unknown protocol 'vifp': did you mean vifb"),
    ],
)
def test_unknown_names_are_errors_with_near_names(stored, options, message):
    with pytest.raises(UnknownNameError, match=message):
        evaluate(*stored, **options)


def test_images_of_different_size_are_named_with_their_sizes(stored):
    with pytest.raises(SizeError, match=r"fused 50x48, a 49x48, b 50x48 pixels; register and crop"):
        evaluate(stored[0], stored[1][:, 1:], stored[2])


@pytest.mark.parametrize("shape", [(), (5,), (5, 5, 4), (5, 5, 1), (2, 5, 5, 3), (0, 5)])
def test_shapes_that_are_no_image_are_refused(shape):
    image = np.zeros(shape, np.uint8)
    with pytest.raises(SizeError, match=r"fused has shape .*; expected \(height, width\) or \(height, width, 3\)"):
        evaluate(image, image, image)


@pytest.mark.parametrize("dtype", [np.uint16, np.int64, bool, complex, object, "U3", "datetime64[s]"])
def test_other_pixels_are_refused(stored, dtype):
    with pytest.raises(InputError, match=r"b has \S+ pixels; expected uint8, or floats scaled to 0..255"):
        evaluate(stored[0], stored[1], stored[2].astype(dtype))


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (-0.5, r"values -0\.5\.\.255"),
        (256.0, r"values 0\.\.256"),
        (np.nan, "1 pixels that are NaN or infinite"),
        (np.inf, "1 pixels that are NaN or infinite"),
    ],
)
def test_floats_beyond_the_range_are_refused(stored, value, complaint):
    image = stored[1].astype(float)
    image[3, 4] = value
    with pytest.raises(InputError, match=rf"a has {complaint}; expected floats within 0\.\.255"):
        evaluate(stored[0], image, stored[2])


@pytest.mark.parametrize("given", [[[1, 2], [3, 4]], None, "fused.png", 7, memoryview(b"1234")])
@pytest.mark.parametrize("argument", ["fused", "a", "b"])
def test_an_argument_that_is_no_array_is_named_with_its_type(stored, argument, given):
    images = dict(zip(("fused", "a", "b"), stored, strict=True)) | {argument: given}
    with pytest.raises(InputError, match=rf"^{argument} must be a NumPy array, .* not a {type(given).__name__}$"):
        evaluate(**images)


def test_masked_pixels_have_no_value_to_score(stored):
    with pytest.raises(InputError, match="a must be a NumPy array without a mask"):
        evaluate(stored[0], np.ma.masked_greater(stored[1], 200), stored[2])


@pytest.mark.parametrize("metrics", [None, 7])
def test_metrics_of_a_wrong_type_are_named_with_their_type(stored, metrics):
    with pytest.raises(InputError, match=rf"metrics must be a name or several, .* not a {type(metrics).__name__}"):
        evaluate(*stored, metrics=metrics)


@pytest.mark.parametrize("options", [{"metrics": [None]}, {"metrics": b"EN"}, {"protocol": None}])
def test_a_name_of_a_wrong_type_is_unknown(stored, options):
    with pytest.raises(UnknownNameError):
        evaluate(*stored, **options)


@pytest.mark.parametrize("dtype", [">f4", np.float16, np.longdouble])
def test_floats_of_any_precision_and_byte_order_score_the_same(stored, dtype):
    assert evaluate(*(image.astype(dtype) for image in stored)) == evaluate(*stored)


def test_floats_on_the_scale_of_one_are_refused(rng):
    stored = rng.random((3, 50, 50))
    with pytest.raises(InputError, match=r"no value is above 0\.99.*; expected 0\.\.255: multiply"):
        evaluate(*stored, metrics="EN")


@pytest.mark.parametrize(("metric", "protocol"), EVERY_RULE)
def test_windows_need_their_size(rng, metric, protocol):
    smallest = METRICS[metric].protocols[protocol].smallest
    stored = rng.integers(0, 256, (3, smallest, smallest + 1), np.uint8)
    assert isinstance(evaluate(*stored, metrics=metric, protocol=protocol)[metric], float)
    if smallest > 1:
        message = f"{metric} needs images of {smallest}x{smallest} pixels or more, got {smallest - 1}x{smallest}"
        with pytest.raises(SizeError, match=message):
            evaluate(*stored[:, :, 2:], metrics=metric, protocol=protocol)


@pytest.mark.parametrize(("metric", "protocol"), EVERY_RULE)
def test_images_are_left_as_they_were(rng, metric, protocol):
    stored = rng.integers(0, 256, (3, 177, 179, 3), np.uint8)[:, ::2, ::3] if "MS" not in metric else None
    if stored is None:
        stored = rng.integers(0, 256, (3, 176, 177, 3), np.uint8)
    before = stored.copy()
    evaluate(*stored, metrics=metric, protocol=protocol)
    assert (stored == before).all()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_gray_stored_in_colour_is_gray(stored, protocol):
    metrics = [name for name in names(protocol) if name not in ("SF", "MS_SSIM", "MS_SSIM_mean")]
    gray = evaluate(*stored, metrics=metrics, protocol=protocol)
    colour = evaluate(*np.stack([stored] * 3, axis=-1), metrics=metrics, protocol=protocol)
    assert colour == pytest.approx(gray, rel=1e-12, nan_ok=True)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_with_the_same_values_score_the_same(stored, dtype):
    assert evaluate(*stored.astype(dtype)) == evaluate(*stored)


def test_fractions_count(stored):
    half = stored[0].clip(0, 254) + 0.5
    assert evaluate(half, stored[1], stored[2], metrics="MSE") != evaluate(*stored, metrics="MSE")


@pytest.mark.parametrize(("metric", "protocol"), [(m, p) for m, p in EVERY_RULE if (p, m) not in ROUNDING_DECIDES])
def test_constant_images_have_a_score_except_where_the_program_has_none(metric, protocol):
    flat = np.full((176, 177), 128, np.uint8)
    score = evaluate(flat, flat, flat, metrics=metric, protocol=protocol)[metric]
    assert np.isnan(score) == (metric in UNDEFINED.get(protocol, ()))
