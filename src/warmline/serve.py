"""The server: the API on uvicorn, and the engine beside it in the same process."""

import typer
import uvicorn

from warmline.sync import dispatch


def serve(host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM; the database must be migrated.

    Args:
        host: Address to listen on.
        port: Port to listen on.
    """
    config = uvicorn.Config(
        "warmline.asgi:application",
        host=host,
        port=port,
        log_config=None,
        log_level="warning",
        access_log=False,
        lifespan="off",  # Django has none
        timeout_graceful_shutdown=5,
    )
    shown = f"[{host}]" if ":" in host else host
    typer.echo(f"Warmline listens on http://{shown}:{port} (API: /api/docs)")
    with dispatch.running():
        uvicorn.Server(config).run()
