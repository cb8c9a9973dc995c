"""What a shell starts in its background ignores Ctrl-C, and so does all that it starts; tests press it."""

import signal

signal.signal(signal.SIGINT, signal.default_int_handler)
