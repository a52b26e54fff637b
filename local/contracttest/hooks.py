"""What schemathesis cannot know: how lease/* is signed, and which parks and orders there are.

Requests are signed as they go out, over the final bytes, by the sample in docs/signing. A common parameter that was
generated well formed is replaced by a fresh one, so that the request gets in; one that is missing or malformed stays
as it is, for the gateway to refuse.
"""
import datetime
import os
import random
import re
import secrets
import sys
import time
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

import requests
import schemathesis

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "signing"))
import sign as sample  # noqa: E402

APP_ID = os.environ.get("TONGLI_APP_ID", "tongli-demo")
SECRET = os.environ.get("TONGLI_SECRET", "demo-secret-not-for-production")
PARK = {
    "park_sn": "CONTRACT-TEST", "park_name": "合同测试", "deadline": "2099-12-31", "start_time": "00:00", "end_time": "24:00",
    "is_sat": 1, "is_sun": 1, "is_holiday": 1, "price": 1, "start_price": 2, "holiday_price": 3,
}


class Signed(requests.auth.AuthBase):
    def __call__(self, request):
        url = urlsplit(request.url)
        if not url.path.startswith("/lease/"):
            return request
        body = request.body or b""
        if isinstance(body, str):
            body = body.encode()
        try:
            query = parse_qsl(url.query, keep_blank_values=True, encoding="utf-8", errors="strict")
        except ValueError:
            return request
        fresh = {"app_id": APP_ID, "timestamp": str(int(time.time())), "nonce": secrets.token_hex(16)}
        forms = {"app_id": r".+", "timestamp": r"\d{10}|\d{13}", "nonce": r"[A-Za-z0-9_-]{16,64}"}
        query = [
            (n, fresh[n] if n in forms and re.fullmatch(forms[n], v, re.ASCII | re.DOTALL) else v)
            for n, v in query
            if n != "sign"
        ]
        query.append(("sign", sample.sign(SECRET, request.method, url.path, query, body)))
        encoded = "&".join(quote(n, safe="~") + "=" + quote(v, safe="~") for n, v in query)
        request.url = urlunsplit(url._replace(query=encoded))
        return request


schemathesis.auth.set_from_requests(Signed())

orders = []
chance = random.Random()  # not the module: its state is Hypothesis's


@schemathesis.hook
def before_call(context, case, kwargs):
    """Aims half of the well-formed requests at the park that is there, and at orders that were placed."""
    if chance.random() < 0.5:
        return
    name = case.operation.definition.raw.get("operationId")
    if name in ("queryOrdersByGet", "getPark") and isinstance(case.query, dict) and "park_sn" in case.query:
        case.query["park_sn"] = PARK["park_sn"]
    elif name == "queryOrders" and isinstance(case.body, dict) and isinstance(case.body.get("park_sn"), str):
        case.body["park_sn"] = PARK["park_sn"]
    elif name == "placeOrder" and isinstance(case.body, dict):
        day = datetime.date.today() + datetime.timedelta(days=chance.randint(1, 60))
        case.body.update(
            order_id="ct-" + secrets.token_hex(8), park_sn=PARK["park_sn"],
            car_plate_no=f"苏E{chance.randrange(10**5):05d}",
            dates=[{"date": day.isoformat(), "start_time": "19:00", "end_time": "06:30"}],
        )
    elif name in ("getOrder", "cancelOrder", "pushOrder") and orders and isinstance(case.path_parameters, dict):
        case.path_parameters["order_id"] = chance.choice(orders)


@schemathesis.hook
def after_call(context, case, response):
    if response.status_code == 201:
        orders.append(response.json()["data"]["order_id"])


def push_park(base):
    """The park that the requests above aim at."""
    query = "app_id=x&timestamp=0000000000&nonce=0000000000000000"
    answer = requests.post(f"{base}/lease/park?{query}", json=PARK, auth=Signed(), timeout=30).json()
    if answer["code"] != 0:
        raise SystemExit(f"the park cannot be pushed: {answer}")


if __name__ == "__main__":
    push_park(sys.argv[1])
