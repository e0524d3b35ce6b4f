"""The settings of every test run: a folder of its own, no token, nothing of the person's environment."""

import os
import tempfile

for name in [name for name in os.environ if name.startswith(("WARMLINE_", "PIPEDRIVE_"))]:
    del os.environ[name]
FOLDER = tempfile.mkdtemp(prefix="warmline-tests-")
os.environ["WARMLINE_DATA_DIR"] = FOLDER

from warmline.settings import *  # noqa: E402, F403 (the environment must be clean before)
from warmline.settings import DATABASES  # noqa: E402

if DATABASES["default"]["ENGINE"] == "warmline.sqlite":
    # A file, not memory: threads and processes must meet in it as they do in earnest.
    DATABASES["default"]["TEST"] = {"NAME": f"{FOLDER}/test.sqlite3"}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # quick, and guards nothing here
