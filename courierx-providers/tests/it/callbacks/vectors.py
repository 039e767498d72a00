#!/usr/bin/env python3
"""Makes vectors.json: callbacks signed by other means than ours (the `cryptography` package, `hmac`).

Run once: python3 vectors.py > vectors.json
The keys are made here and serve nothing else; they are new each time.
"""
import base64, datetime, hashlib, hmac, json
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

NOW = 1_700_000_000
b64 = lambda raw: base64.b64encode(raw).decode()


def sendgrid():
    key = ec.generate_private_key(ec.SECP256R1())
    spki = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    other = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    body = ('[{"email":"ada@example.com","timestamp":1699999990,"event":"processed","sg_event_id":"cHJv"},\r\n'
            '{"email":"ada@example.com","timestamp":1699999991,"event":"delivered","sg_event_id":"ZGVs"}]\r\n')
    signature = key.sign((str(NOW) + body).encode(), ec.ECDSA(hashes.SHA256()))
    return {"key": b64(spki), "other_key": b64(other), "timestamp": str(NOW), "signature": b64(signature), "body": body}


def mailgun():
    key, token = "signing-key-of-this-test", "0123456789abcdef" * 3 + "01"
    sign = lambda k: hmac.new(k.encode(), (str(NOW) + token).encode(), hashlib.sha256).hexdigest()
    return {"key": key, "parent_key": "signing-key-of-the-parent", "timestamp": str(NOW), "token": token,
            "signature": sign(key), "parent_signature": sign("signing-key-of-the-parent")}


def resend():
    secret = bytes(range(24))
    id, body = "msg_1", '{"type":"email.delivered","created_at":"2023-11-14T22:13:10.000Z","data":{"email_id":"e-1","to":["ada@example.com"]}}'
    signed = f"{id}.{NOW}.{body}".encode()
    return {"secret": "whsec_" + b64(secret), "id": id, "timestamp": str(NOW), "body": body,
            "signature": "v1," + b64(hmac.new(secret, signed, hashlib.sha256).digest())}


def ses():
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    start = datetime.datetime(2023, 1, 1)
    cert = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(1).not_valid_before(start).not_valid_after(start + datetime.timedelta(days=3650))
            .sign(key, hashes.SHA256()))
    topic = "arn:aws:sns:eu-central-1:123456789012:ses-events"
    bounce = json.dumps({"eventType": "Bounce", "mail": {"messageId": "m-1", "destination": ["ada@example.com"]},
                         "bounce": {"bounceType": "Permanent", "bounceSubType": "NoEmail", "timestamp": "2023-11-14T22:13:10.000Z",
                                    "bouncedRecipients": [{"emailAddress": "ada@example.com", "status": "5.1.1"}]}})
    url = "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=23"
    messages = []
    for kind in ["Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"]:
        for version, digest in [("1", hashes.SHA1()), ("2", hashes.SHA256())]:
            message = {"Type": kind, "MessageId": f"id-{kind}-{version}", "TopicArn": topic,
                       "Message": bounce if kind == "Notification" else "You have chosen …",
                       "Timestamp": "2023-11-14T22:13:15.000Z", "SignatureVersion": version,
                       "SigningCertURL": "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0.pem"}
            if kind == "Notification":
                message["Subject"] = "Amazon SES Email Event Notification"
                signed = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
            else:
                message |= {"SubscribeURL": url, "Token": "23"}
                signed = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
            text = "".join(f"{name}\n{message[name]}\n" for name in signed)
            message["Signature"] = b64(key.sign(text.encode(), padding.PKCS1v15(), digest))
            messages.append(message)
    return {"topic": topic, "certificate": cert.public_bytes(serialization.Encoding.PEM).decode(),
            "key": b64(key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())),
            "messages": messages}


print(json.dumps({"now": NOW, "sendgrid": sendgrid(), "mailgun": mailgun(), "resend": resend(), "ses": ses()}, indent=1, ensure_ascii=False))
