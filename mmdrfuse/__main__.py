"""``python -m mmdrfuse``: the door for interpreters and launchers such as torchrun."""

from mmdrfuse.cli import main

main(prog_name="mmdrfuse")
