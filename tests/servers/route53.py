"""A strict fake of Route 53, served over HTTP on loopback: `python -m servers.route53 PORT ZONE...`.

    request --SigV4 checked--> XML by botocore's model, strictly --> `route53_engine` --> XML, read back

`Fates` spoil what a network would: a reply that is lost after the batch was applied, a server's fault before.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import os
import signal
import sys
import time
import urllib.request
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import unquote

import botocore.auth
import botocore.awsrequest
import botocore.credentials
from aiohttp import web

from holdfast.model.configuration import Answers, ProviderKind, Route53Settings, ZoneConfig
from holdfast.runtime.route53.wire import REGION, service
from servers import route53_model as model
from servers.ports import free_port
from servers.process import HOST, PYTHON, START_S, Process, Running, ZoneSpec, workplace
from servers.route53_engine import Knobs, Refusal, Route53

KEY_ID = "AKIDEXAMPLE"
SECRET = "wJalrXUtnFEMI-not-a-secret"
SKEW_S = 300.0
CHANGE, LIST, GET_CHANGE, GET_ZONE = (
    "ChangeResourceRecordSets",
    "ListResourceRecordSets",
    "GetChange",
    "GetHostedZone",
)
ROUTES = (
    ("POST", "/2013-04-01/hostedzone/{id}/rrset/", CHANGE, "HostedZoneId"),
    ("GET", "/2013-04-01/hostedzone/{id}/rrset", LIST, "HostedZoneId"),
    ("GET", "/2013-04-01/change/{id}", GET_CHANGE, "Id"),
    ("GET", "/2013-04-01/hostedzone/{id}", GET_ZONE, "Id"),
)
QUERY = {
    "name": "StartRecordName",
    "type": "StartRecordType",
    "identifier": "StartRecordIdentifier",
    "maxitems": "MaxItems",
}


def zone_id(zone: str) -> str:
    """The id of a fake's hosted zone: from its name, so that nobody has to be told."""
    return "Z" + "".join(c for c in zone.upper() if c.isalnum())[:31]


class Served:
    """The service behind HTTP."""

    def __init__(self, engine: Route53) -> None:
        self.engine = engine
        self.fates: deque[str] = deque()
        """For the next requests: "lost" (applied, the answer is not sent), "fault" (500, applied), "own" (refusals
        of a batch in their own form), "soon" (throttled with Retry-After), or "".
        """
        self.address = ""

    def application(self) -> web.Application:
        """The HTTP application."""
        application = web.Application()
        for method, path, operation, id_name in ROUTES:
            application.router.add_route(method, path, self._handler(operation, id_name))
        application.router.add_post("/control", self._control)
        return application

    def _handler(self, operation: str, id_name: str) -> Any:
        async def handle(request: web.Request) -> web.StreamResponse:
            fate = self.fates.popleft() if self.fates and operation == CHANGE else ""
            status, body = self._answer(request, await request.read(), operation, id_name, fate)
            if fate == "lost" and request.transport is not None:
                request.transport.close()
            if fate == "fault":
                status, body = 500, model.error("InternalFailure", ("An internal error",))
            headers = {"Retry-After": "1"} if fate == "soon" else {}
            return web.Response(status=status, body=body, content_type="text/xml", headers=headers)

        return handle

    async def _control(self, request: web.Request) -> web.Response:
        """Turn the knobs of a fake in another process."""
        for name, value in (await request.json()).items():
            setattr(self.engine.knobs, name, value)
        return web.Response()

    def _answer(
        self, request: web.Request, body: bytes, operation: str, id_name: str, fate: str
    ) -> tuple[int, bytes]:
        try:
            _check_signature(request, body)
            if fate == "soon":
                raise Refusal(400, "Throttling", "Rate exceeded")
            parameters = {id_name: unquote(request.match_info["id"]), **_parameters(request, body, operation)}
            model.check(parameters, service().operation_model(operation).input_shape, operation)
            return 200, model.write(operation, self.engine.call(operation, parameters))
        except model.NotByTheModel as error:
            return 400, model.error("InvalidInput", (str(error),))
        except Refusal as refusal:
            if refusal.code == "InvalidChangeBatch" and fate == "own":
                return refusal.status, model.batch_error_of_its_own(refusal.messages)
            return refusal.status, model.error(refusal.code, refusal.messages)


def _parameters(request: web.Request, body: bytes, operation: str) -> dict[str, Any]:
    if operation == CHANGE:
        return model.read_body(operation, body)
    unknown = set(request.query) - set(QUERY)
    if unknown or (request.query and operation != LIST):
        raise model.NotByTheModel(f"{operation} has no {sorted(unknown)}")
    return {QUERY[name]: value for name, value in request.query.items()}


def _check_signature(request: web.Request, body: bytes) -> None:
    """Signature Version 4, made again with the secret that we share.

    Raises:
        Refusal: it is another one, or too old: "requests must reach AWS within 5 minutes of the time stamp".
    """
    written = request.headers.get("Authorization", "")
    stamp = request.headers.get("X-Amz-Date", "")
    if not written.startswith(f"AWS4-HMAC-SHA256 Credential={KEY_ID}/"):
        raise Refusal(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
    age_s = time.time() - time.mktime(time.strptime(stamp, "%Y%m%dT%H%M%SZ")) + time.timezone
    if abs(age_s) > SKEW_S:
        raise Refusal(403, "SignatureDoesNotMatch", f"Signature expired: {stamp}")
    signed = written.partition("SignedHeaders=")[2].partition(",")[0].split(";")
    again = botocore.awsrequest.AWSRequest(
        method=request.method,
        url=f"http://{request.host}{request.raw_path}",
        data=body,
        headers={name: request.headers[name] for name in signed if name != "host"},
    )
    again.context["timestamp"] = stamp
    auth = botocore.auth.SigV4Auth(botocore.credentials.Credentials(KEY_ID, SECRET), "route53", REGION)
    canonical = auth.canonical_request(again)
    wanted = auth.signature(auth.string_to_sign(again, canonical), again)
    if not hmac.compare_digest(wanted, written.partition("Signature=")[2]):
        raise Refusal(403, "SignatureDoesNotMatch", "The request signature we calculated does not match")


ENVIRONMENT = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET}


@asynccontextmanager
async def serving(
    zones: tuple[str, ...], knobs: Knobs | None = None, now_s: Callable[[], float] = time.time
) -> AsyncIterator[Served]:
    """The fake in this event loop, on a free port."""
    served = Served(Route53(tuple((zone_id(z), z) for z in zones), now_s, knobs))
    runner = web.AppRunner(served.application(), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, HOST, 0)
    await site.start()
    served.address = f"http://{HOST}:{runner.addresses[0][1]}"
    try:
        yield served
    finally:
        await runner.cleanup()


def zone_config(
    zone: str, endpoint: str, *, answers: Answers = Answers.SIMPLE, credentials_file: str = "", per_s: float = 1e4
) -> ZoneConfig:
    """How a zone of the fake is configured."""
    settings = Route53Settings(
        zone_id=zone_id(zone),
        answers=answers,
        credentials_file=credentials_file,
        requests_per_s=per_s,
        endpoint=endpoint,
    )
    return ZoneConfig(name=zone, provider=ProviderKind.ROUTE53, server="", route53=settings)


class Route53Running(Running):
    """The fake in a process of its own."""

    @property
    def endpoint(self) -> str:
        """Its address."""
        return f"http://{HOST}:{self.port}"

    def zone_config(self, zone: str) -> ZoneConfig:
        """A zone as configured, with credentials in a file of the fake's directory."""
        file = self.directory / "credentials"
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(f"[default]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\n")
        return zone_config(zone, self.endpoint, credentials_file=str(file))

    def turn(self, **knobs: float) -> None:
        """Turn knobs while it runs."""
        request = urllib.request.Request(f"{self.endpoint}/control", json.dumps(knobs).encode(), method="POST")
        urllib.request.urlopen(request, timeout=START_S).close()


def start_route53(zones: tuple[ZoneSpec, ...]) -> Running:
    """One fake, with nothing but SOA and NS in each zone."""
    with workplace("route53") as directory:
        port = free_port()
        paths = os.pathsep.join(path for path in sys.path if path)
        arguments = [PYTHON, "-m", "servers.route53", str(port), *(z.name for z in zones)]
        process = Process(["env", f"PYTHONPATH={paths}", *arguments], directory, "route53")
        running = Route53Running(ProviderKind.ROUTE53, port, zones, process, directory)
        process.await_ready(lambda: _answers(running), "route53: no answer")
        return running


def _answers(running: Route53Running) -> bool:
    try:
        running.turn()
    except OSError:
        return False
    return True


async def _serve(port: int, zones: tuple[str, ...]) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    served = Served(Route53(tuple((zone_id(z), z) for z in zones), time.time))
    runner = web.AppRunner(served.application(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, HOST, port).start()
    await stop.wait()
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), tuple(sys.argv[2:])))
