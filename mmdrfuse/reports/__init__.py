"""Reports: an evaluation or scored detections as one HTML file, with table, pictures, plots and the facts of the run.

`contents` is what a report says; `evaluated` and `detected` fill it. `selection` chooses the pairs whose pictures are
embedded, `pictures` reads and reduces them, `overlays` and `plots` draw, `rendering` fills the template of `assets`,
and `page` writes the file.

::

    from mmdrfuse.pipeline.score import evaluate_folders
    from mmdrfuse.reports import write_report

    write_report(evaluate_folders([Path("fused"), Path("mine")]), Path("report.html"))
"""

from mmdrfuse.reports.page import LIMIT, Written, check_target, write_detection_report, write_report

__all__ = ["LIMIT", "Written", "check_target", "write_detection_report", "write_report"]
