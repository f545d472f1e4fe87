"""Classification of a folder, a table or a bucket of pictures: from a source to Parquet parts, resumable (pyarrow).

`job` freezes the list of pictures into numbered parts, `classifier` turns one part into rows, and an engine hands parts
to processes: `local_engine` on this machine, `ray_engine` on a cluster. No engine imports torch.
"""

from xnorlab.classify.job import Job, JobError, Settings
from xnorlab.classify.run import classify
from xnorlab.classify.summary import Progress, Summary

__all__ = ["Job", "JobError", "Progress", "Settings", "Summary", "classify"]
