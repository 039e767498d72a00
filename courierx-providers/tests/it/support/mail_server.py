"""A mail server (aiosmtpd) that prints what it is sent, as Python's own parser reads it: a line of JSON each.

Arguments: certificate, key, and how it encrypts: `starttls` or `implicit`. The first line has the port. The
only user is `ada@example.com` with the password `c0rrect horse`. It ends with its standard input.
"""

import asyncio
import base64
import json
import ssl
import sys
from email import message_from_bytes, policy

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


def decoded(part):
    return {
        "type": part.get_content_type(),
        "name": part.get_filename(),
        "content_id": part["Content-ID"],
        "disposition": part.get_content_disposition(),
        "content": base64.b64encode(part.get_payload(decode=True) or b"").decode(),
    }


def body(message, kind):
    part = message.get_body(preferencelist=(kind,))
    return None if part is None else part.get_content()


class Printer:
    async def handle_DATA(self, server, session, envelope):
        message = message_from_bytes(envelope.original_content, policy=policy.default)
        parts = [part for part in message.walk() if not part.is_multipart()]
        report = {
            "mail_from": envelope.mail_from,
            "rcpt_tos": envelope.rcpt_tos,
            "resumed": getattr(server.transport.get_extra_info("ssl_object"), "session_reused", False),
            "encrypted": server.transport.get_extra_info("ssl_object") is not None,
            "headers": [[name, str(value)] for name, value in message.items()],
            "to": [[one.display_name, one.addr_spec] for one in message["To"].addresses],
            "structure": [part.get_content_type() for part in message.walk()],
            "text": body(message, "plain"),
            "html": body(message, "html"),
            "parts": [decoded(part) for part in parts],
            "defects": [repr(defect) for part in message.walk() for defect in part.defects],
            "raw": base64.b64encode(envelope.original_content).decode(),
        }
        print(json.dumps(report), flush=True)
        return "250 2.0.0 Ok: queued as PY000001"


def authenticate(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and data == LoginPassword(b"ada@example.com", b"c0rrect horse")
    return AuthResult(success=good, handled=good)


async def serve(certificate, key, encryption):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    implicit = encryption == "implicit"

    def session():
        return SMTP(
            Printer(),
            tls_context=None if implicit else context,
            require_starttls=not implicit,
            auth_required=True,
            auth_require_tls=not implicit,
            authenticator=authenticate,
            enable_SMTPUTF8=True,
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(session, "127.0.0.1", 0, ssl=context if implicit else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(serve(*sys.argv[1:]))
