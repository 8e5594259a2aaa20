"""Start the program: `python -m amtconnector`."""

from amtconnector.cli import main

if __name__ == "__main__":
    main()
