"""`python -m memsh`."""

import sys

from memsh.cli import main

sys.exit(main())
