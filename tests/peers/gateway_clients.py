"""Clients of the gateway made of the PyPI packages `httpx` and `websockets`, with apps behind it of `websockets` and of sockets.

    python gateway_clients.py '{"login": "http://grafana.localhost:1/", "http": "http://grafana.localhost:1",
                                "ws": "ws://vault.localhost:1/live", "username": "…", "password": "…", "ports": [http, ws]}'

Prints "ready" once the apps listen, waits for a line, then signs in and uses everything; prints one line of what it saw, with all that
stays open still open. When that was cut it prints a second line, of how each ended, and ends. So it does with its standard input.
"""

import asyncio
import hashlib
import json
import logging
import socket
import sys
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx
import websockets
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

options = json.loads(sys.argv[1])
LARGE = 3 * 1024 * 1024
PIECE = b"x" * 65536
PIECES = 64

# A page that is asked of it is no handshake, which it says at length.
logging.getLogger("websockets").setLevel(logging.CRITICAL)

# Browsers know that names under localhost are this machine; the resolver of this one may not.
resolve = socket.getaddrinfo


def resolve_here(host, *more, **named):
    name = host.decode() if isinstance(host, bytes) else host
    return resolve("127.0.0.1" if name and name.endswith(".localhost") else host, *more, **named)


socket.getaddrinfo = resolve_here


class SignIn(HTMLParser):
    """The form that asks for a password: where it goes, and what is hidden in it."""

    def __init__(self):
        super().__init__()
        self.forms = []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form":
            self.forms.append({"action": attributes.get("action", ""), "fields": {}})
        elif tag == "input" and self.forms and attributes.get("name"):
            self.forms[-1]["fields"][attributes["name"]] = attributes.get("value") or ""

    @classmethod
    def of(cls, page):
        parser = cls()
        parser.feed(page)
        return next(form for form in parser.forms if "password" in form["fields"])


async def http_app(reader, writer):
    """An app in plain bytes: what a library would not send is sent too."""
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            method, path, _ = head.split(" ", 2)
            fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
            digest, count = hashlib.sha256(), 0
            if "chunked" in fields.get("transfer-encoding", ""):
                while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
                    piece = await reader.readexactly(size + 2)
                    digest.update(piece[:-2])
                    count += size
                await reader.readuntil(b"\r\n")
            elif length := int(fields.get("content-length", 0)):
                digest.update(await reader.readexactly(length))
                count = length
            if path == "/hints":
                writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n")
                await writer.drain()
            if path in ("/count", "/hints", "/dash"):
                text = json.dumps({"count": count, "hash": digest.hexdigest()}).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text))
            else:
                events = path == "/events"
                kind = b"text/event-stream" if events else b"application/octet-stream"
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n" % kind)
                piece = b"data: tick\n\n" if events else PIECE
                for number in range(10**9 if events else PIECES):
                    writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                    await writer.drain()
                    if events:
                        await asyncio.sleep(0.05)
                writer.write(b"0\r\nX-Sum: 64\r\n\r\n")
            await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def ws_app(connection):
    async for message in connection:
        await connection.send(message)


async def sign_in():
    async with httpx.AsyncClient(follow_redirects=True, headers={"accept": "text/html"}, timeout=30) as client:
        page = await client.get(options["login"])
        form = SignIn.of(page.text)
        fields = form["fields"] | {"username": options["username"], "password": options["password"]}
        page = await client.post(urljoin(str(page.url), form["action"]), data=fields)
        assert page.status_code == 200 and str(page.url) == options["login"], (page.status_code, str(page.url), page.text)
        # The other host asks nothing more.
        other = urlsplit(options["ws"])
        page = await client.get(f"http://{other.netloc}/")
        assert urlsplit(str(page.url)).netloc == other.netloc, page.url
        return {cookie.domain: f"{cookie.name}={cookie.value}" for cookie in client.cookies.jar if cookie.name.endswith("acquit-route")}


async def traffic(client):
    """Up and down, as streams."""

    async def upload():
        for _ in range(PIECES):
            yield PIECE

    expected = {"count": PIECES * len(PIECE), "hash": hashlib.sha256(PIECE * PIECES).hexdigest()}
    up = await client.post("/count", content=upload())
    waits = await client.post("/count", content=upload(), headers={"expect": "100-continue"})
    down = 0
    async with client.stream("GET", "/flood") as answer:
        async for piece in answer.aiter_bytes():
            down += len(piece)
    hints = await client.get("/hints")
    return {
        "version": up.http_version,
        "up": up.json() == expected,
        "expect": waits.status_code == 200 and waits.json() == expected,
        "down": down == PIECES * len(PIECE),
        "hints": [hints.status_code, "link" in hints.headers],
    }


async def listen(client, begun):
    """What ends a stream of events, as the library says it."""
    try:
        async with client.stream("GET", "/events") as answer:
            async for line in answer.aiter_lines():
                if line == "data: tick" and not begun.done():
                    begun.set_result(answer.headers["content-type"])
        return "over"
    except httpx.HTTPError as error:
        return type(error).__name__


async def main():
    http_port, ws_port = options["ports"]
    await asyncio.start_server(http_app, "127.0.0.1", http_port)
    await serve(ws_app, "127.0.0.1", ws_port, max_size=2 * LARGE)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)

    cookies = await sign_in()
    seen, waiting = {}, {}
    host = urlsplit(options["http"]).hostname
    headers = {"cookie": cookies[host]}
    for name, versions in (("http1", {"http1": True}), ("http2", {"http1": False, "http2": True})):
        client = httpx.AsyncClient(base_url=options["http"], headers=headers, timeout=30, **versions)
        seen[name] = await traffic(client)
        begun = asyncio.get_running_loop().create_future()
        waiting[name] = asyncio.create_task(listen(client, begun))
        seen[name]["events"] = await asyncio.wait_for(begun, 30)

    ws_headers = {"Cookie": cookies[urlsplit(options["ws"]).hostname]}
    socket_ = await connect(options["ws"], additional_headers=ws_headers, max_size=2 * LARGE)
    await socket_.send("hello")
    echoed = [await socket_.recv()]
    for size in (LARGE, 0, 1):
        await socket_.send(b"\x00\xff" * (size // 2) + b"z" * (size % 2))
        echoed.append(len(await socket_.recv()))
    pong = await asyncio.wait_for(await socket_.ping(b"are you there"), 30)
    extensions = [extension.name for extension in socket_.protocol.extensions]
    seen["websocket"] = {"echoed": echoed, "pong": pong >= 0, "extensions": extensions}
    print(json.dumps(seen), flush=True)

    ends = {}
    try:
        await asyncio.wait_for(socket_.recv(), 60)
    except websockets.ConnectionClosed as closed:
        ends["websocket"] = [closed.rcvd and closed.rcvd.code, closed.rcvd and closed.rcvd.reason, closed.rcvd_then_sent]
    for name, task in waiting.items():
        ends[name] = await asyncio.wait_for(task, 60)
    try:
        await connect(options["ws"], additional_headers=ws_headers)
    except websockets.InvalidStatus as refused:
        ends["again"] = refused.response.status_code
    async with httpx.AsyncClient(base_url=options["http"], headers=headers) as client:
        ends["replayed"] = (await client.get("/count")).status_code
    print(json.dumps(ends), flush=True)


asyncio.run(main())
