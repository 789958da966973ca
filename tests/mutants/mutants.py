"""Checks that are removed, one at a time, and the cases that must notice.

Where two layers hold a rule, both are removed. A class of reliability.md may
have many mutants, and a mutant may show itself in many classes.
"""

from _dav import DAV
from _http import HTTP
from _paths import PATHS
from _rights import RIGHTS

MUTANTS = DAV + PATHS + HTTP + RIGHTS
