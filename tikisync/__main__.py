"""``python -m tikisync`` is the same as ``tikisync``."""

from tikisync.cli import main

if __name__ == "__main__":
    main()
