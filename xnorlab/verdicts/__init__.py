"""What became of the paper's claims here, in one place for the command line, app and notebooks.

`evidence` reads what was measured, `claims` judges each claim by it, `report` keeps and prints the table.
"""

from xnorlab.verdicts.claims import RULINGS, Verdict, judge
from xnorlab.verdicts.evidence import Evidence
from xnorlab.verdicts.report import FILE, load, markdown, write

__all__ = ["FILE", "RULINGS", "Evidence", "Verdict", "judge", "load", "markdown", "write"]
