"""What became of the paper's claims here, in one place for the command line, app and notebooks.

`evidence` reads what was measured, `claims` judges each claim by it with the rules of `differences`, `report` keeps and
prints the table.
"""

from xnorlab.verdicts.claims import judge
from xnorlab.verdicts.evidence import Evidence
from xnorlab.verdicts.report import FILE, load, markdown, write
from xnorlab.verdicts.verdict import RULINGS, Verdict

__all__ = ["FILE", "RULINGS", "Evidence", "Verdict", "judge", "load", "markdown", "write"]
