"""What Amazon's own client sends, printed as JSON like the others."""

import json
import os

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

BYTES = bytes(range(256))
SUBJECT = 'Grüße, "Ada" 🎉'
TEXT = "Hello Ada.\nÜber 100 %."
HTML = '<p>Hello <b>Ada</b>.</p><img src="cid:logo">'


def connect(secret):
    return boto3.client(
        "sesv2",
        endpoint_url=os.environ["BASE_URL"],
        region_name="eu-west-1",
        aws_access_key_id=os.environ["ACCESS_KEY"],
        aws_secret_access_key=secret,
        config=Config(retries={"max_attempts": 1}),
    )


def simple(to):
    body = {"Text": {"Data": TEXT, "Charset": "UTF-8"}}
    content = {"Simple": {"Subject": {"Data": SUBJECT, "Charset": "UTF-8"}, "Body": body}}
    return {"FromEmailAddress": "hi@acme.example", "Destination": {"ToAddresses": [to]}, "Content": content}


def one(key):
    message = simple('"Lovelace, Ada" <ada@example.com>')
    message["FromEmailAddress"] = '"Acme, Inc." <hi@acme.example>'
    message["Destination"].update(CcAddresses=["cc@example.com"], BccAddresses=["bcc@example.com"])
    message["ReplyToAddresses"] = ["reply@example.com"]
    message["EmailTags"] = [{"Name": "order", "Value": "42"}]
    content = message["Content"]["Simple"]
    content["Body"]["Html"] = {"Data": HTML, "Charset": "UTF-8"}
    content["Headers"] = [{"Name": "X-Entity-Ref-ID", "Value": "42"}]
    content["Attachments"] = [
        {"FileName": "bytes.bin", "RawContent": BYTES, "ContentType": "application/octet-stream",
         "ContentDisposition": "ATTACHMENT"},
        {"FileName": "logo.png", "RawContent": BYTES, "ContentType": "image/png",
         "ContentDisposition": "INLINE", "ContentId": "logo"},
    ]
    return connect(key).send_email(**message)["MessageId"]


def run(step):
    try:
        return step()
    except ClientError as error:
        metadata = error.response["ResponseMetadata"]
        return {"error": error.response["Error"]["Code"], "status": metadata["HTTPStatusCode"]}


KEY = os.environ["KEY"]
print(json.dumps({
    "one": run(lambda: one(KEY)),
    "account": run(lambda: connect(KEY).get_account()["SendingEnabled"]),
    "wrongKey": run(lambda: connect("wrong").send_email(**simple("ada@example.com"))),
    "throttled": run(lambda: connect(KEY).send_email(**simple("throttled@emulator.test"))),
}))
