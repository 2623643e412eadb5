"""`python -m apps.chat`: the chat service alone."""

import sys

from apps.chat.main import main

if __name__ == "__main__":
    sys.exit(main())
