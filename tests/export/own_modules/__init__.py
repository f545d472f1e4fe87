"""Small modules as researchers write them, a table for each subject."""

from importlib import import_module
from pkgutil import iter_modules

from own_modules.case import Case


def table() -> dict[str, Case]:
    """The cases of all subjects, by "subject: name". Every module beside this one but `case` has its `MODULES`."""
    subjects = sorted(found.name for found in iter_modules(__path__) if found.name != "case")
    return {
        f"{subject}: {name}": case
        for subject in subjects
        for name, case in import_module(f"own_modules.{subject}").MODULES.items()
    }
