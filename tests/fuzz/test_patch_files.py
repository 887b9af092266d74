"""Damaged files of patches: they are read, or one error names them. In a process of its own: HDF5 is C."""

import subprocess
import sys
from pathlib import Path

import numpy as np
from mutations import TRIES

from mmdrfuse.datasets.patches.write import PackedPatches, PatchWriter

READ = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import numpy as np
from mutations import blamed, mutated
from mmdrfuse.datasets import PatchFile

content, path = Path(sys.argv[2]).read_bytes(), Path(sys.argv[2]).with_name("damaged.h5")
for seed in range(int(sys.argv[3])):
    print(seed, flush=True)
    path.write_bytes(mutated(content, seed))
    with blamed(path):
        patches = PatchFile(path, split="all")
        patches.sources, patches.index
        patches.batch(np.arange(len(patches)))
        patches.verify()
"""


def test_a_damaged_file_is_read_or_named(tmp_path, rng):
    path = tmp_path / "p.h5"
    with PatchWriter(path, (16, 16), {"patch": 16}) as writer:
        for number in range(2):
            sides = rng.integers(0, 256, (2, 3, 16, 16), np.uint8)
            writer.add(PackedPatches.of(*sides, np.zeros((3, 2), np.int64)), {"name": f"pair {number}"})
    called = [sys.executable, "-c", READ, str(Path(__file__).parent), str(path), str(TRIES)]
    ended = subprocess.run(called, capture_output=True, text=True)
    assert ended.returncode == 0, f"seed {ended.stdout.split()[-1:]}: {ended.stderr}"
