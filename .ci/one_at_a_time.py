"""Run a command when no other one that was started by this program runs here."""

import fcntl
import os
import sys

folder = os.open(".", os.O_RDONLY)
os.set_inheritable(folder, True)  # for the command, which holds the lock until it ends
try:
    fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print("Another make is setting up .venv. This one waits for it.", flush=True)
    fcntl.flock(folder, fcntl.LOCK_EX)
os.execvp(sys.argv[1], sys.argv[1:])
