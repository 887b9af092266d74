"""Errors survive a process boundary, take the place before their message, and carry their cure."""

import pickle
import struct

import click
import pytest

from mmdrfuse import errors
from mmdrfuse.cli import main
from mmdrfuse.cli.shared.cures import FLAGS, message_with_cure
from mmdrfuse.cli.shared.options import Command
from mmdrfuse.errors import CURES, InputError, MissingExtraError, MMDRFuseError, SizeError, UnknownNameError, reading

ALL = [
    UnknownNameError("metric", "VlF", ["VIF", "SD"]),
    MissingExtraError("av", "video", "a video"),
    SizeError("96x64 and 32x32", cure="size_policy"),
    *(kind("x.png: no") for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, InputError)),
]


@pytest.mark.parametrize("error", ALL, ids=lambda error: type(error).__name__)
def test_an_error_survives_a_process_boundary(error):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert (str(again), vars(again)) == (str(error), vars(error))


@pytest.mark.parametrize("error", ALL, ids=lambda error: type(error).__name__)
def test_a_place_comes_before_the_message_and_the_rest_stays(error):
    placed = error.at("a.png")
    assert type(placed) is type(error)
    assert placed.message == f"a.png: {error.message}"
    assert placed.cure == error.cure
    assert not error.message.startswith("a.png")


@pytest.mark.parametrize(
    "failure", [IndexError("bad"), struct.error("short"), MemoryError(), NotImplementedError(), UnicodeError("u")]
)
def test_any_failure_of_a_decoder_becomes_an_error_that_names_the_file(failure):
    with pytest.raises(InputError, match=r"q\.png"), reading("q.png"):
        raise failure


@pytest.mark.parametrize("passing", [KeyboardInterrupt(), SizeError("x")])
def test_expected_failures_and_interrupts_pass_unchanged(passing):
    with pytest.raises(type(passing)) as caught, reading("q.png"):
        raise passing
    assert caught.value is passing


def test_every_cure_has_words_for_python_and_for_the_command_line():
    assert FLAGS.keys() == CURES.keys()


@pytest.mark.parametrize("cure", CURES)
def test_a_flag_is_advised_only_where_the_command_has_it(cure):
    error, flag = MMDRFuseError("x", cure=cure), FLAGS[cure][0]
    option = click.Option([flag])
    with click.Context(Command("with", params=[option])):
        assert flag in message_with_cure(error)
    with click.Context(Command("without")):
        assert f" {flag} " not in message_with_cure(error)


def commands(group=main):
    for command in group.commands.values():
        yield from commands(command) if isinstance(command, click.Group) else [command]


@pytest.mark.parametrize("command", list(commands()), ids=lambda command: command.name)
def test_every_command_is_of_the_class_that_adds_cures(command):
    assert isinstance(command, Command)


def test_every_flag_that_a_cure_names_exists():
    options = {option for command in commands() for param in command.params for option in param.opts}
    assert {flag for flag, _ in FLAGS.values()} <= options


@pytest.mark.parametrize(
    ("failure", "says"),
    [
        (KeyError("bbox"), "has no 'bbox'"),
        (FileNotFoundError(2, "x", "w.pt"), "no such file w.pt"),
        (FileNotFoundError(2, "x", "q.png"), "no such file;"),
        (PermissionError(13, "Permission denied"), "(Permission denied)"),
    ],
)
def test_a_reason_says_what_is_missing(failure, says):
    with pytest.raises(InputError) as caught, reading("q.png"):
        raise failure
    assert says in str(caught.value)
