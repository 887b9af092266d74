"""A program for tests: train a toy student in processes that are killed at chosen points and then resumed.

``python killing.py FOLDER TEACHER PROCESSES LIMIT POINT...``: one interpreter loads torch and forks every process,
which saves the seconds of loading it again. A point is ``Class.method:when:count:rank``: that process is killed
before, within or after that call, and the others with it. After all points the run goes on to its end; the sizes of
the mapped memories go to standard output before.
"""

import json
import os
import pathlib
import signal
import socket
import sys
import time

import torch
from conftest import Toy

from mmdrfuse import models, training
from mmdrfuse.training import memory, state

CLASSES = {
    "RefreshMemory": memory.RefreshMemory, "State": state.State, "Adam": torch.optim.Adam, "Path": type(pathlib.Path()),
}  # fmt: skip


def arm(point):
    """Arrange that the process is killed at a point."""
    name, when, count, _ = point.split(":")
    owner, method = CLASSES[name.partition(".")[0]], name.partition(".")[2]
    original = getattr(owner, method)
    calls_left = int(count)

    def deadly(self, *arguments, **options):
        nonlocal calls_left
        calls_left -= 1
        if calls_left == 0 and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        if calls_left == 0 and when == "within":  # of RefreshMemory._replace: half an image, where it changes
            positions, outputs, better = arguments
            torn = outputs[..., : outputs.shape[-1] // 2, :] // 2
            original(_Top(self.images), positions, torn, better)
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(self, *arguments, **options)
        if calls_left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, method, deadly)


class _Top:
    """The upper half of a memory's images."""

    def __init__(self, images):
        self.images = images[..., : images.shape[-2] // 2, :]


def fork(rank, size, port, point, folder, teacher):
    """Fork a process of the group; with a point, it is killed there."""
    child = os.fork()
    if child:
        return child
    numbers = {"RANK": rank, "WORLD_SIZE": size, "LOCAL_RANK": rank, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in numbers.items()})
    if point:
        arm(point)
    recipe = training.recipe("default", "student", epochs=3, batch=4 // size, features="none")
    resume = (folder / "state.safetensors").exists()
    for _ in training.train(recipe, Toy(9), folder, teacher=models.read(teacher), device="cpu", resume=resume):
        pass
    os._exit(0)


def main(folder, teacher, size, limit, *points):
    torch.set_num_threads(1)
    memory.IN_MEMORY = int(limit)
    torch.optim.Adam([torch.zeros(1, requires_grad=True)]).zero_grad()  # loads the parts of torch that load late
    for point in (*points, None):
        if not point:
            mapped = pathlib.Path(folder).rglob("memory.bin")
            sys.stdout.write(json.dumps({str(path.relative_to(folder)): path.stat().st_size for path in mapped}))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        victim = int(point.rpartition(":")[2]) if point else None
        group = [
            fork(rank, int(size), port, point if rank == victim else None, pathlib.Path(folder), teacher)
            for rank in range(int(size))
        ]
        pid, status = os.wait()
        if point:
            if not os.WIFSIGNALED(status):
                sys.exit(f"{point}: the process ended with {status}")
            time.sleep(0.05)  # time for the others to do all they can without the killed one
            for other in set(group) - {pid}:
                os.kill(other, signal.SIGKILL)
        for other in set(group) - {pid}:
            _, status = os.waitpid(other, 0)
        if not point and status:
            sys.exit(f"the run did not end: {status}")


if __name__ == "__main__":
    main(*sys.argv[1:])
