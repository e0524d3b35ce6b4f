"""The settings of every test run: a folder of its own, no token, nothing of the person's environment.

`TEST_DATABASE=postgres` runs the tests on a PostgreSQL of their own instead of SQLite.
"""

import os
import sys
import tempfile

from postgres_cluster import NoPostgresError, shared_url

for name in [name for name in os.environ if name.startswith(("WARMLINE_", "PIPEDRIVE_", "DATABASE_URL"))]:
    del os.environ[name]
# Where someone has Python keep no compiled modules, each program that a test starts would compile all of its own anew.
# That is more than half of a start.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
IS_POSTGRES = os.environ.get("TEST_DATABASE") == "postgres"
HAS_DATABASE = True
if IS_POSTGRES:
    os.environ["WARMLINE_SECRET_KEY"] = "a-key-of-the-tests-that-guards-nothing-at-all"
    try:
        os.environ["DATABASE_URL"] = shared_url()
    except NoPostgresError:
        HAS_DATABASE = False  # conftest.py says so, and runs nothing
FOLDER = tempfile.mkdtemp(prefix="warmline-tests-")
os.environ["WARMLINE_DATA_DIR"] = FOLDER
os.environ["WARMLINE_GRACE_SECONDS"] = "0"

from warmline.settings import *  # noqa: E402, F403 (the environment must be clean before)
from warmline.settings import DATABASES  # noqa: E402

os.environ.pop("WARMLINE_GRACE_SECONDS")
os.environ.pop("DATABASE_URL", None)  # programs that a test starts have a database of their own
if DATABASES["default"]["ENGINE"] == "warmline.sqlite":
    # A file, not memory: threads and processes must meet in it as they do in earnest.
    DATABASES["default"]["TEST"] = {"NAME": f"{FOLDER}/test.sqlite3"}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # quick, and guards nothing here
