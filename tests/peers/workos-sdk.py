"""The official Python SDK of WorkOS, unmodified, as an application's server would call it.

    python workos-sdk.py '{"base_url": "http://127.0.0.1:8080", "api_key": "sk_…", "client_id": "client_…"}'

A line of standard input is a call, as JSON: ["sso.get_profile", {"access_token": "…"}]. The answer is a line too: what the
SDK gave, or which of its exceptions it raised. It ends with its standard input.
"""

import importlib
import json
import sys

from workos import WorkOSClient


def plain(value):
    """What an application would read: the SDK's objects as it turns them into dictionaries itself, all pages of a list."""
    if hasattr(value, "auto_paging_iter"):
        return [plain(item) for item in value.auto_paging_iter()]
    return value.to_dict() if hasattr(value, "to_dict") else value


def made(value):
    """An argument: {"$": "module.Class", …} is an object of the SDK's."""
    if isinstance(value, list):
        return [made(item) for item in value]
    if not isinstance(value, dict):
        return value
    value = {name: made(item) for name, item in value.items()}
    if "$" not in value:
        return value
    module, name = value.pop("$").rsplit(".", 1)
    return getattr(importlib.import_module(module), name)(**value)


def act(client, path, arguments):
    method = client
    for name in path.split("."):
        method = getattr(method, name)
    try:
        return {"gave": plain(method(**made(arguments)))}
    except Exception as error:  # whatever the SDK raises is what the test asks for
        names = ("status_code", "code", "error", "error_description", "request_id", "message", "retry_after")
        said = {name: getattr(error, name, None) for name in names}
        return {"raised": type(error).__name__, "said": said}


def main():
    options = json.loads(sys.argv[1])
    client = WorkOSClient(**options)
    print("ready", flush=True)
    for line in sys.stdin:
        path, arguments = json.loads(line)
        print(json.dumps(act(client, path, arguments), default=str), flush=True)


main()
