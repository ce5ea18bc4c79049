"""figlet: large letters made of ordinary characters.

Prints the arguments, or else standard input, in figlet's standard font and 80
columns. For ASCII text the output is figlet 2.2.5's, byte for byte. Every call
pays for the imports, so there is only one.
"""

from __future__ import annotations

import sys

from pyfiglet import Figlet

text = " ".join(sys.argv[1:]) or sys.stdin.buffer.read().decode("utf-8", "replace")
sys.stdout.write(Figlet(font="standard", width=80).renderText(text))
