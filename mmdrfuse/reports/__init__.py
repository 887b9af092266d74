"""Reports: an evaluation as one HTML file, with its table, its pictures, its plots and the facts of the run.

`selection` chooses the pairs whose pictures are embedded, `pictures` reads and reduces them, `contents` is what the
report says, `plots` draws it, and `page` writes the file.

::

    from mmdrfuse.pipeline.score import evaluate_folders
    from mmdrfuse.reports import write_report

    write_report(evaluate_folders([Path("fused"), Path("mine")]), Path("report.html"))
"""

from mmdrfuse.reports.page import LIMIT, Written, check_target, write_report

__all__ = ["LIMIT", "Written", "check_target", "write_report"]
