"""Where `mmdrfuse.system.workers` was; what still imports from here will import from there."""

from mmdrfuse.system.workers import ordered, unfailing

__all__ = ["ordered", "unfailing"]
