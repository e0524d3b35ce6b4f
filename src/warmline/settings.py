"""Django's settings, and Warmline's own, made from the environment (see `environment.py`)."""

import contextlib
import os
import secrets
import tempfile
import warnings
from datetime import time
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from django.http.request import split_domain_port

from warmline import storage
from warmline.crm.phone_numbers import country_of
from warmline.environment import ConfigurationError, Environment
from warmline.environment_values import EmailServer

POOL_TIMEOUT = 10  # seconds to wait for a connection to PostgreSQL
# Of each session with PostgreSQL. Whoever is cut off in the middle of a transaction must not hold its locks for hours,
# and who waits for one is told after as long as with SQLite.
SESSION = {
    "idle_in_transaction_session_timeout": "60s",
    "lock_timeout": "20s",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "random_page_cost": "1.1",  # its default is that of disks that turn; lists are read along indexes
}
# The same at this end, in seconds: a server that is gone without a word is noticed, and not waited for.
REACHED_WITHIN = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,  # milliseconds
}
SHORTEST_KEY = 32  # characters of a key that is given, see installation_warnings.py
try:
    env = Environment()
except ConfigurationError as error:
    raise ImproperlyConfigured(str(error)) from None


def is_sqlite(url: str) -> bool:
    """Tell whether a value of DATABASE_URL means SQLite, as the empty one does."""
    return not url or url.partition(":")[0].lower() == "sqlite"


def _folder(folder: Path) -> Path:
    """Return the data folder, made where it is missing."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        why = "it is a file" if isinstance(error, FileExistsError) else error.strerror
        raise ImproperlyConfigured(
            f"cannot use {folder}: {why}. Set WARMLINE_DATA_DIR to a folder of your own."
        ) from None
    return folder


def _given_key(key: str, folder: Path) -> str:
    """Return the key that the environment gives; what can be guessed is refused, unless it is in use already."""
    is_new = not env["DATABASE_URL"] and not (folder / "warmline.sqlite3").exists()
    if is_new and len(key) < SHORTEST_KEY:
        raise ImproperlyConfigured(
            f"WARMLINE_SECRET_KEY: expected at least {SHORTEST_KEY} characters, or none: Warmline makes its own then."
        )
    return key


def _secret_key(folder: Path) -> str:
    """Return the installation's own key: made on the first start, readable by its user alone."""
    if not is_sqlite(env["DATABASE_URL"]):
        raise ImproperlyConfigured(
            "WARMLINE_SECRET_KEY is missing. With PostgreSQL every machine needs the same one: set it to at least "
            f"{SHORTEST_KEY} random characters."
        )
    file = folder / "secret-key"
    try:
        key = _kept_key(file)
    except OSError as error:
        raise ImproperlyConfigured(
            f"cannot use {file}: {error.strerror}. Set WARMLINE_DATA_DIR to a folder of your own."
        ) from None
    except UnicodeDecodeError:
        key = ""
    if not key:
        raise ImproperlyConfigured(f"{file} holds no key. Put it back from a backup, or delete it to have one made.")
    return key


def _kept_key(file: Path) -> str:
    if not file.exists():
        # Written whole under another name first: of two processes that start at once, one wins and both read its key,
        # and one that dies half-way leaves none behind.
        with tempfile.NamedTemporaryFile("w", dir=file.parent, encoding="ascii") as draft:  # mode 0600
            draft.write(secrets.token_urlsafe(50))
            draft.flush()
            with contextlib.suppress(FileExistsError):
                os.link(draft.name, file)
    return file.read_text(encoding="ascii").strip()


def _database(url: str, folder: Path) -> Any:
    database: dict[str, Any] = dict(dj_database_url.parse(url or f"sqlite:///{folder / 'warmline.sqlite3'}"))
    if database["ENGINE"] == "django.db.backends.sqlite3":
        database["ENGINE"] = "warmline.sqlite"  # in which those who write take turns
        storage.watch(Path(database["NAME"]).parent)
        database["OPTIONS"] = {
            # A transaction that may write takes the lock when it begins. A deferred one that asks for it half-way
            # fails at once with "database is locked", whatever the timeout.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,  # seconds to wait for another writer
            # What is not yet in the file itself stands beside it, and takes no more room than this once it is.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA journal_size_limit=33554432;",
        }
    else:
        database["CONN_HEALTH_CHECKS"] = True
        # Threads share a few connections, because each costs the server a process: whoever finds none within the
        # timeout is told that the database is busy.
        database["OPTIONS"] = {
            "options": " ".join(f"-c {name}={value}" for name, value in SESSION.items()),
            **REACHED_WITHIN,
            **database.get("OPTIONS", {}),
            "pool": {"min_size": 1, "max_size": env["WARMLINE_DATABASE_CONNECTIONS"], "timeout": POOL_TIMEOUT},
            "application_name": "warmline",
        }
    return database


os.umask(0o077)  # whatever this process makes is its user's alone
DATA_DIR: Path = _folder(env["WARMLINE_DATA_DIR"])
SECRET_KEY = _given_key(env["WARMLINE_SECRET_KEY"], DATA_DIR) if env["WARMLINE_SECRET_KEY"] else _secret_key(DATA_DIR)
DATABASES = {"default": _database(env["DATABASE_URL"], DATA_DIR)}

PIPEDRIVE_BASE_URL: str = env["PIPEDRIVE_BASE_URL"]
PIPEDRIVE_API_TOKEN: str = env["PIPEDRIVE_API_TOKEN"]
PIPEDRIVE_CLIENT_ID: str = env["PIPEDRIVE_CLIENT_ID"]
PIPEDRIVE_CLIENT_SECRET: str = env["PIPEDRIVE_CLIENT_SECRET"]
PIPEDRIVE_OAUTH_URL: str = env["PIPEDRIVE_OAUTH_URL"]
DEFAULT_TIME_ZONE = str(env["WARMLINE_TIME_ZONE"])
PHONE_COUNTRY: str = env["WARMLINE_PHONE_COUNTRY"] or country_of(DEFAULT_TIME_ZONE)
WARM_THRESHOLD: int = env["WARMLINE_WARM_THRESHOLD"]
GRACE_SECONDS: int = env["WARMLINE_GRACE_SECONDS"]
WARM_LABEL: str = env["WARMLINE_LABEL"]
EARLIER_ACTIVITIES: bool = env["WARMLINE_EARLIER_ACTIVITIES"]
DELETE_THERE: bool = env["WARMLINE_DELETE_THERE"]
WARMLINE_ID_FIELD: bool = env["WARMLINE_ID_FIELD"]
SYNC_ATTEMPTS: int = env["WARMLINE_ATTEMPTS"]
SYNC_RETRY_SECONDS: int = env["WARMLINE_RETRY_SECONDS"]
SYNC_BATCH_MINUTES: int = env["WARMLINE_BATCH_MINUTES"]
SYNC_WORKERS: int = env["WARMLINE_WORKERS"]
PIPEDRIVE_PLAN: str = env["WARMLINE_PLAN"]
PIPEDRIVE_SEATS: int = env["WARMLINE_SEATS"]
TOKEN_SHARE: int = env["WARMLINE_TOKEN_SHARE"]
DIRECTORY_SHARE: int = env["WARMLINE_DIRECTORY_SHARE"]
AUDIT_AT: time | None = env["WARMLINE_AUDIT_AT"]
POLL_MINUTES: int = env["WARMLINE_POLL_MINUTES"]
TRUST_EVENTS: bool = env["WARMLINE_TRUST_EVENTS"]
SYNC_LIMITS: tuple[tuple[int, float], ...] = env["WARMLINE_LIMITS"]
SYNC_SEARCH_LIMIT: tuple[int, float] = env["WARMLINE_SEARCH_LIMIT"][0]
METRICS_TOKEN: str = env["WARMLINE_METRICS_TOKEN"]
AUDIT_PING_URL: str = env["WARMLINE_AUDIT_PING_URL"]
WEBHOOKS_PRIVATE: bool = env["WARMLINE_WEBHOOKS_PRIVATE"]
API_RATE: tuple[int, float] | None = env["WARMLINE_API_RATE"]
FROM_ENVIRONMENT: frozenset[str] = env.given  # what is said there, no page changes (see crm/preferences.py)

DEBUG = False
PUBLIC_URL: str = env["WARMLINE_PUBLIC_URL"]
PROXIES: tuple[IPv4Network | IPv6Network, ...] = env["WARMLINE_PROXIES"]
_public = PUBLIC_URL.partition("://")[2]
ALLOWED_HOSTS = [*env["WARMLINE_HOSTS"], *filter(None, [split_domain_port(_public)[0]])]
ROOT_URLCONF = "warmline.urls"
ASGI_APPLICATION = "warmline.asgi.application"
AUTH_USER_MODEL = "crm.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",  # 412,000 in a page reads better than 412000
    "django_htmx",
    "ninja",  # with it installed, /api/docs loads its script from here and not from a CDN
    "warmline.crm",
    "warmline.sync",
    "warmline.webhooks",
    "warmline.api",
    "warmline.web",
]
if not is_sqlite(env["DATABASE_URL"]):
    INSTALLED_APPS.insert(0, "procrastinate.contrib.django")  # its tables: the queues of jobs (see sync/jobs/)
    PROCRASTINATE_AUTODISCOVER_MODULE_NAME = None  # its tasks are made where they are done
MIDDLEWARE = [
    "warmline.http.middleware.answer_health",  # before all that looks at the host, which a probe may not know
    "warmline.http.readiness.answer_readiness",  # likewise
    "warmline.http.metrics.answer_metrics",  # likewise
    "warmline.http.request_ids.trace_requests",  # around all that may log
    "warmline.http.middleware.redirect_to_https",  # before anything answers, and around the header that it removes
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",  # outside of all that may refuse, so that refusals have the policy, too
    "warmline.http.request_queues.refuse_when_full",
    "warmline.http.body_limit.refuse_cut",  # before anything reads what was cut off
    "warmline.http.unreadable.refuse_unreadable",
    "warmline.http.middleware.refuse_nul",  # before any file or row is looked for with what it refuses
    "warmline.http.compression.compress",  # around whatever answers with pages and static files
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "warmline.http.middleware.secure_cookies",  # outside of all that set some
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "warmline.web.middleware.TeamMiddleware",
    "warmline.http.transaction_retries.TryAgain",  # the last one, so that it hears of a failed view before the others
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
FORM_RENDERER = "warmline.web.forms.base.Renderer"
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True  # serves what the packages ship, without a build step
WHITENOISE_MIMETYPES = {".webmanifest": "application/manifest+json"}
# It hands its files over piece by piece and not asynchronously, so Django reads each as a whole. They are small.
warnings.filterwarnings("ignore", "StreamingHttpResponse must consume synchronous iterators")

# Everything comes from here, and nothing is written into a page: neither scripts nor styles.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        "worker-src": ["'self'"],
        "manifest-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    },
}
# Where people come by https, they come by nothing else but from this machine (see http/middleware.py).
_is_https = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _is_https
SECURE_HSTS_SECONDS = 31_536_000 if _is_https else 0  # a year
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PUBLIC_URL else []  # also behind a proxy that does not hand the port on
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # other names below the host may be served without https: that is their owner's to say
    "security.W008",  # http/middleware.py leads to https, but not this machine, as SECURE_SSL_REDIRECT would
    "security.W021",  # so is being put on the browsers' own list, from which it takes months to come off
]
CSRF_COOKIE_HTTPONLY = True  # htmx reads the token from the page
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"

CSRF_FAILURE_VIEW = "warmline.http.error_pages.csrf_failure"

LOGIN_URL = "web:sign-in"
LOGIN_REDIRECT_URL = "web:home"
LOGOUT_REDIRECT_URL = "web:sign-in"

EMAIL: EmailServer | None = env["WARMLINE_EMAIL_URL"]
EMAIL_TIMEOUT = 10  # seconds
if EMAIL is None:
    EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
else:
    EMAIL_HOST, EMAIL_PORT = EMAIL.host, EMAIL.port
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = EMAIL.user, EMAIL.password
    EMAIL_USE_TLS, EMAIL_USE_SSL = EMAIL.starttls, EMAIL.tls
    DEFAULT_FROM_EMAIL = EMAIL.sender
PASSWORD_HASHERS = ["warmline.crm.password_hashing.Hasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"},
        "json": {"()": "warmline.logs.JsonFormatter"},
    },
    "handlers": {"stderr": {"class": "warmline.logs.SparingHandler", "formatter": env["WARMLINE_LOG_FORMAT"]}},
    "root": {"handlers": ["stderr"], "level": env["WARMLINE_LOG_LEVEL"]},
    "loggers": {
        "httpx": {"level": "WARNING"},  # a line per request says nothing that the sync log does not
        # Each change and each call, which only a program reads.
        "warmline.trace": {"level": "INFO" if env["WARMLINE_LOG_FORMAT"] == "json" else "WARNING"},
        "procrastinate": {"level": "WARNING"},  # likewise its lines per job
        "django.security.DisallowedHost": {"level": "CRITICAL"},  # anyone could fill the log with it
        "django.request": {"level": "ERROR"},  # a 4xx is the caller's business and is told to the caller
    },
}
