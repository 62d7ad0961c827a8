"""``reviewgraph openapi``: the API's document, for tools that make clients and tests from it."""

from __future__ import annotations

import json
import sys


def openapi() -> None:
    """Print the OpenAPI document of the API. Nothing is started, and no database is needed."""
    import tempfile
    from pathlib import Path

    from pydantic import SecretStr

    from resources.settings import Settings
    from serving_api.main import create_app

    # The document is the same for every installation, so no home is opened and no secret read.
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(_env_file=None, home=Path(home), secret_key=SecretStr("-" * 64))
        document = create_app(settings).openapi()
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
