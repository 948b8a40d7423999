"""``python -m service`` is ``dit-ablate``."""

from service.cli import main

if __name__ == "__main__":
    main()
