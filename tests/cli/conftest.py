"""Running commands as a shell would."""

import pytest
from click.testing import CliRunner, Result


@pytest.fixture
def run():
    """Call ``mmdrfuse`` with arguments; returns exit_code, stdout and stderr."""

    def call(*arguments, env=None) -> Result:
        from mmdrfuse.cli import main

        return CliRunner().invoke(main, [str(argument) for argument in arguments], env=env)

    return call
