"""`tasky doctor`: a look, without a server, at everything that one would depend on here.

examine(options, environ) -> Iterator[Finding]: one for each thing that was looked at
"""

from .examination import Options, examine
from .finding import Finding, Verdict

__all__ = ["Finding", "Options", "Verdict", "examine"]
