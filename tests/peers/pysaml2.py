"""A SAML application made of the PyPI package pysaml2, to hold Acquit against software by others.

    python pysaml2.py '{"port": …, "inner": …, "folder": "…"}'

In the folder are sp.key and sp.crt. Listens at `inner` to what is addressed to `port`; prints "ready" once it does, and ends with
its standard input. It learns its identity provider by `/trust?metadata=URL`.
"""

import html
import json
import os
import secrets
import sys
import threading
import urllib.request
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT, BINDING_SOAP
from saml2.client import Saml2Client
from saml2.config import SPConfig
from saml2.metadata import entity_descriptor
from saml2.saml import NAMEID_FORMAT_PERSISTENT
from saml2.sigver import SignatureError, verify_redirect_signature
from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256

# What comes in an envelope the library writes anew before it checks the signature, which says what prefixes there were. It makes
# up other ones unless it knows these, and no message by anybody else would pass.
ElementTree.register_namespace("saml", "urn:oasis:names:tc:SAML:2.0:assertion")
ElementTree.register_namespace("samlp", "urn:oasis:names:tc:SAML:2.0:protocol")
ElementTree.register_namespace("ds", "http://www.w3.org/2000/09/xmldsig#")

options = json.loads(sys.argv[1])
ORIGIN = f"http://127.0.0.1:{options['port']}"
FOLDER = options["folder"]

# The library is not made for many threads, nor need it be fast.
lock = threading.RLock()
client = None
idp = None
sessions = {}
outstanding = {}
asked = {}
told = []


def configuration(**more):
    config = SPConfig()
    config.load(
        {
            "entityid": f"{ORIGIN}/metadata",
            "xmlsec_binary": "/usr/bin/xmlsec1",
            "key_file": f"{FOLDER}/sp.key",
            "cert_file": f"{FOLDER}/sp.crt",
            "service": {
                "sp": {
                    "endpoints": {
                        "assertion_consumer_service": [(f"{ORIGIN}/acs", BINDING_HTTP_POST)],
                        "single_logout_service": [
                            (f"{ORIGIN}/slo", BINDING_HTTP_REDIRECT),
                            (f"{ORIGIN}/slo", BINDING_HTTP_POST),
                            (f"{ORIGIN}/slo/soap", BINDING_SOAP),
                        ],
                    },
                    "name_id_format": [NAMEID_FORMAT_PERSISTENT],
                    "authn_requests_signed": True,
                    "logout_requests_signed": True,
                    "logout_responses_signed": True,
                    "want_response_signed": True,
                    "want_assertions_signed": True,
                    "allow_unsolicited": False,
                    "signing_algorithm": SIG_RSA_SHA256,
                    "digest_algorithm": DIGEST_SHA256,
                },
            },
            **more,
        }
    )
    # The library has one setting for "requests must be signed", of identity providers, and asks it about LogoutRequests too.
    config.setattr("idp", "want_authn_requests_signed", True)
    return config


def location(service, binding):
    return client.metadata.service(idp, "idpsso_descriptor", service, binding)[0]["location"]


class Refused(Exception):
    """A message that the library, or what its documentation leaves to us, does not let through."""


class Peer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, kind="text/html; charset=utf-8", **headers):
        data = body.encode()
        self.send_response(status)
        for name, value in {"content-type": kind, "cache-control": "no-store", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def page(self, status, mark, session, text):
        text = html.escape(str(text))
        self.answer(status, f'<!doctype html><main data-page="{mark}" data-session="{session}"><h1>{text}</h1></main>')

    def go(self, url, **headers):
        self.answer(303, "", location=url, **headers)

    def send(self, binding, info):
        """Sends on what the library made for a browser."""
        if binding == BINDING_HTTP_REDIRECT:
            return self.go(dict(info["headers"])["Location"])
        # The library's page posts itself by script; this marks its form for a browser without one.
        return self.answer(200, info["data"].replace("<form ", "<form data-form-post ", 1))

    def session(self):
        cookie = SimpleCookie(self.headers.get("cookie", "")).get("python-sp")
        return sessions.get(cookie.value) if cookie else None

    def checked(self, what, check):
        """What the library refuses is told as an error page and ends nothing."""
        try:
            result = check()
        except Exception as error:  # Its errors have no common ancestor.
            told.append({"what": what, "good": False, "error": f"{type(error).__name__}: {error}"})
            self.page(400, "refused", "none", error)
            return None
        told.append({"what": what, "good": True})
        return result

    def do_GET(self):
        self.handle_any({name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}, "GET")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.headers.get_content_type() == "application/x-www-form-urlencoded":
            fields = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        else:
            fields = {"body": body}
        self.handle_any(fields, "POST")

    def handle_any(self, fields, method):
        path = urlsplit(self.path).path
        routes = {
            ("GET", "/"): self.home,
            ("GET", "/metadata"): self.metadata,
            ("GET", "/trust"): self.trust,
            ("GET", "/told"): lambda _: self.answer(200, json.dumps(told), "application/json"),
            ("GET", "/login"): self.login,
            ("POST", "/acs"): self.acs,
            ("GET", "/logout"): self.logout,
            ("GET", "/slo"): lambda fields: self.slo(fields, BINDING_HTTP_REDIRECT),
            ("POST", "/slo"): lambda fields: self.slo(fields, BINDING_HTTP_POST),
            ("POST", "/slo/soap"): self.soap,
        }
        route = routes.get((method, path), lambda _: self.page(404, "none", "none", "Nothing here."))
        with lock:
            route(fields)

    def home(self, _):
        session = self.session()
        live = session is not None and session["live"]
        self.page(200, "home", "live" if live else "none", session["name"].text if live else "Nobody is signed in.")

    def metadata(self, _):
        self.answer(200, str(entity_descriptor(configuration())), "application/samlmetadata+xml")

    def trust(self, fields):
        global client, idp
        with urllib.request.urlopen(fields["metadata"]) as response:
            client = Saml2Client(configuration(metadata={"inline": [response.read()]}))
        idp = next(iter(client.metadata.keys()))
        self.page(200, "trusts", "none", idp)

    def login(self, _):
        request, info = client.prepare_for_authenticate(entityid=idp, relay_state="/inbox?a=b&c=d", sign=True)
        outstanding[request] = "/"
        self.go(dict(info["headers"])["Location"])

    def acs(self, fields):
        check = lambda: client.parse_authn_request_response(fields["SAMLResponse"], BINDING_HTTP_POST, outstanding)
        response = self.checked("Response", check)
        if response is None:
            return
        del outstanding[response.in_response_to]
        found = response.session_info()
        name = secrets.token_hex(16)
        sessions[name] = {"live": True, "name": found["name_id"], "index": found["session_index"]}
        self.go("/", set_cookie=f"python-sp={name}; Path=/; HttpOnly; SameSite=Lax")

    def logout(self, fields):
        session = self.session()
        binding = BINDING_HTTP_POST if fields.get("by") == "post" else BINDING_HTTP_REDIRECT
        to = location("single_logout_service", binding)
        by_query = binding == BINDING_HTTP_REDIRECT
        request, message = client.create_logout_request(
            to, idp, name_id=session["name"], session_indexes=[session["index"]], sign=not by_query
        )
        asked[request] = session
        self.send(binding, client.apply_binding(binding, str(message), to, "back", sign=by_query))

    def signed_query(self, fields, kind):
        """The library leaves the signature of an answer in a query to the application."""
        if "Signature" not in fields or "SigAlg" not in fields:
            raise SignatureError("the query is not signed")
        message = {name: fields[name] for name in (kind, "RelayState", "SigAlg", "Signature") if name in fields}
        certificates = client.sec.metadata.certs(idp, "idpsso", "signing")
        backend = client.sec.sec_backend
        if not any(verify_redirect_signature(message, backend, certificate) for _, certificate in certificates):
            raise SignatureError("the query's signature is wrong")

    def slo(self, fields, binding):
        if "SAMLResponse" in fields:
            return self.ended(fields, binding)
        made = self.obey(fields["SAMLRequest"], binding, fields)
        if made is not None:
            self.send(*made)

    def ended(self, fields, binding):
        def check():
            if binding == BINDING_HTTP_REDIRECT:
                self.signed_query(fields, "SAMLResponse")
            response = client.parse_logout_request_response(fields["SAMLResponse"], binding)
            if binding == BINDING_HTTP_POST and response.response.signature is None:
                raise SignatureError("the answer is not signed")
            if response.in_response_to not in asked:
                raise Refused("nobody asked for this")
            if response.issuer() != idp or not response.status_ok():
                raise Refused("not what was asked for")
            return response

        response = self.checked("LogoutResponse", check)
        if response is not None:
            asked.pop(response.in_response_to)["live"] = False
            self.page(200, "landing", "none", "Signed out.")

    def obey(self, text, binding, fields):
        """Ends what a request names, and gives the answer as the library sends it by the same binding."""
        relay = fields.get("RelayState")
        check = lambda: client.parse_logout_request(text, binding, relay, fields.get("SigAlg"), fields.get("Signature"))
        request = self.checked("LogoutRequest", check)
        if request is None:
            return None
        message = request.message
        indexes = [index.text for index in message.session_index]
        for session in sessions.values():
            if session["name"] == message.name_id and (not indexes or session["index"] in indexes):
                session["live"] = False
        by_query = binding == BINDING_HTTP_REDIRECT
        answer = client.create_logout_response(message, [binding], sign=not by_query)
        to = "" if binding == BINDING_SOAP else location("single_logout_service", binding)
        return binding, client.apply_binding(binding, str(answer), to, relay, response=True, sign=by_query)

    def soap(self, fields):
        made = self.obey(fields["body"], BINDING_SOAP, {})
        if made is not None:
            self.answer(200, made[1]["data"], "text/xml")


server = ThreadingHTTPServer(("127.0.0.1", options["inner"]), Peer)
threading.Thread(target=server.serve_forever, daemon=True).start()
print("ready", flush=True)
sys.stdin.read()
os._exit(0)
