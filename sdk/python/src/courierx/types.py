"""What requests and answers have. Answers are plain dictionaries, and may have more than is named here."""

from __future__ import annotations

from datetime import datetime
from typing import Any, List, Mapping, Optional, TypedDict, Union

#: An address, ``Name <address>``, or several of them.
Addresses = Union[str, List[str]]
#: A date, or its text in RFC 3339.
Moment = Union[datetime, str]


class Attachment(TypedDict, total=False):
    """A file to attach."""

    #: Its name; of a ``url`` the last part of that unless it is given.
    filename: str
    #: Bytes, or a string of base64.
    content: Union[bytes, str]
    #: Where the server fetches it instead: https.
    url: str
    content_type: str
    #: Makes it inline: ``<img src="cid:…">`` shows it.
    content_id: str


class Content(TypedDict, total=False):
    """What a message says, without those who get it."""

    from_email: str
    from_name: str
    reply_to: Addresses
    subject: str
    html: str
    text: str
    #: A template, in place of the bodies, by its id…
    template_id: str
    #: …or by its name.
    template: str
    #: Makes subject and bodies Handlebars templates, or fills the template.
    variables: Mapping[str, Any]
    #: Refuses a message whose texts need what is not in ``variables``.
    strict_variables: bool
    tags: List[str]
    metadata: Mapping[str, Any]
    headers: Mapping[str, str]
    attachments: List[Attachment]
    #: When delivery begins: a moment, or a time from now, such as ``in 2 hours``.
    scheduled_at: Moment
    #: When delivery ends.
    deliver_by: Moment
    #: Whether opens and clicks are counted, or ``{"opens": …, "clicks": …, "by": "courierx"}``; else the provider counts.
    tracking: Union[bool, Mapping[str, Union[bool, str]]]
    #: Whether the recipient can leave with a click: all mail, or ``{"topic": …}``.
    unsubscribe: Union[bool, Mapping[str, str]]
    #: ``transactional``, ``bulk`` or ``critical``.
    lane: str
    #: What follows if a provider did not answer: ``wait_then_failover``, ``failover_now`` or ``never``.
    duplicate_policy: str
    #: ``smtp-72h``, ``sendex-24h`` or ``quick``.
    retry: str


class Message(Content, total=False):
    """A message to send."""

    to: Addresses
    to_name: str
    cc: Addresses
    bcc: Addresses


class BatchMessage(Message, total=False):
    """A message of a batch."""

    #: Its own, in place of the batch's.
    idempotency_key: str


class BatchRecipient(TypedDict, total=False):
    """Who gets a message of their own."""

    email: str
    name: str
    #: Before those of the message.
    variables: Mapping[str, Any]


class Email(TypedDict, total=False):
    """An email, as lists have it."""

    id: str
    from_email: str
    from_name: str
    to_email: str
    subject: Optional[str]
    status: str
    display_status: str
    display_message: Optional[str]
    display_cta: Any
    last_error: Optional[str]
    provider: Optional[str]
    provider_display_name: Optional[str]
    provider_message_id: Optional[str]
    mode: str
    tags: List[str]
    scheduled_at: Optional[str]
    queued_at: str
    sent_at: Optional[str]
    delivered_at: Optional[str]
    created_at: str
    suppressed: List[str]


class SentEmail(Email, total=False):
    """What sending answers: the email, and once more under ``email``."""

    email: Email


class ReconciledEmail(TypedDict):
    """What looking after an email came to: ``terminal``, ``too_recent``, ``reenqueued``, ``resynced``, ``still_pending``,
    ``marked_failed`` or ``noop``; ``detail`` is for people."""

    email: Email
    action: str
    detail: str


class ReconciledStale(TypedDict):
    """Which emails are looked after: ``email_ids`` are the first hundred."""

    enqueued_count: int
    email_ids: List[str]
    truncated: bool


class EmailEvent(TypedDict):
    id: str
    event_type: str
    occurred_at: str
    recipient: Optional[str]
    provider: Optional[str]
    provider_connection_id: Optional[str]
    bounce_type: Optional[str]
    message: Optional[str]


class FullEmail(Email, total=False):
    """An email with its content and all that became of it."""

    recipients: List[Mapping[str, str]]
    html_body: Optional[str]
    text_body: Optional[str]
    content_purged: bool
    reply_to: Optional[str]
    metadata: Mapping[str, str]
    tracking: Optional[Mapping[str, Union[bool, str]]]
    unsubscribe: Optional[Mapping[str, Any]]
    attempt_count: int
    events: List[EmailEvent]
    attempts: List[Mapping[str, Any]]
    waiting: Optional[Mapping[str, Any]]


class BatchResult(TypedDict):
    """What became of a batch; ``results`` are in the order of its messages."""

    total: int
    accepted: int
    refused: int
    results: List[Mapping[str, Any]]


class ApiKey(TypedDict, total=False):
    id: str
    name: str
    key_prefix: str
    mode: str
    status: str
    scopes: List[str]
    from_domains: List[str]
    last_used_at: Optional[str]
    expires_at: Optional[str]
    rate_limit_per_minute: Optional[int]
    former_key_ends_at: Optional[str]
    created_at: str
    #: The key itself, where it was just made: it is shown this once.
    key: str
    raw_key: str


class DnsRecord(TypedDict):
    """A record to publish."""

    type: str
    name: Optional[str]
    value: Optional[str]
    ttl: int
    verified: bool
    status: str
    purpose: str
    required: bool
    error: Optional[str]
    note: Optional[str]
    provider_connection_ids: List[str]


class Domain(TypedDict):
    id: str
    domain: str
    status: str
    #: To publish as TXT at ``_courierx.<domain>``.
    verification_token: str
    verified_at: Optional[str]
    error: Optional[str]
    missing_since: Optional[str]
    last_checked_at: Optional[str]
    next_check_at: Optional[str]
    spf_record: Optional[str]
    dkim_selector: Optional[str]
    dkim_selectors: Mapping[str, List[str]]
    tracking_host: Optional[str]
    tracking_host_verified_at: Optional[str]
    dns_records: List[DnsRecord]
    spf_advisor: Optional[Mapping[str, Any]]
    dmarc: Optional[Mapping[str, Any]]
    providers: List[Mapping[str, Any]]
    created_at: str
    updated_at: str


class Suppression(TypedDict):
    id: str
    email: str
    reason: str
    #: Which mail it holds back; all of it if none.
    topic: Optional[str]
    note: Optional[str]
    source: str
    source_email_id: Optional[str]
    created_at: str
    expires_at: Optional[str]


class MailEvent(TypedDict):
    """Something that happened, as webhooks tell it too."""

    #: Where it stands in the order of events.
    sequence: int
    id: str
    event: str
    message_id: Optional[str]
    to: Optional[str]
    # `from` is a word of the language: event["from"] is there all the same.
    subject: Optional[str]
    provider: Optional[str]
    timestamp: str
    tags: List[str]
    metadata: Mapping[str, str]
    data: Mapping[str, Any]


class EventPage(TypedDict):
    """Some of what happened, the oldest first."""

    data: List[MailEvent]
    #: What to go on ``after``, now or later.
    next_cursor: int
    #: Whether there may be more already.
    has_more: bool


class WebhookEndpoint(TypedDict, total=False):
    id: str
    url: str
    description: Optional[str]
    #: What it is told of; of everything if there are none.
    events: List[str]
    is_active: bool
    mode: str
    signature_scheme: str
    #: Since when it is not told any more because it did not answer, and why.
    disabled_at: Optional[str]
    disabled_reason: Optional[str]
    former_secret_ends_at: Optional[str]
    created_at: str
    updated_at: str
    #: What ``verify_webhook`` needs, where it was just made: it is shown this once.
    secret: str


class WebhookDelivery(TypedDict):
    """One request to an endpoint."""

    id: str
    event_id: str
    event_type: str
    sequence: Optional[int]
    message_id: Optional[str]
    success: bool
    response_status: Optional[int]
    response_body: Optional[str]
    error: Optional[str]
    attempt_count: int
    duration_ms: int
    delivered_at: Optional[str]
    next_retry_at: Optional[str]
    created_at: str


class TemplateFields(TypedDict, total=False):
    """What is said of a template."""

    name: str
    description: Optional[str]
    subject: Optional[str]
    html: Optional[str]
    text: Optional[str]
    #: ``transactional``, ``marketing``, ``notification`` or ``onboarding``.
    category: str
    #: ``draft``, ``active`` (publishes) or ``archived``.
    status: str
    #: Names, or ``{"name": …, "default": …, "required": …}``.
    variables: Optional[List[Union[str, Mapping[str, Any]]]]
    metadata: Optional[Mapping[str, Any]]


class Template(TypedDict, total=False):
    id: str
    name: str
    description: Optional[str]
    subject: str
    category: str
    status: str
    version: int
    has_draft: bool
    published_at: Optional[str]
    variables: List[Mapping[str, Any]]
    created_at: str
    updated_at: str
    html_body: Optional[str]
    text_body: Optional[str]
    found_variables: List[str]
    metadata: Mapping[str, Any]


class TemplatePreview(TypedDict):
    subject: str
    html_body: Optional[str]
    text_body: Optional[str]
    missing_variables: List[str]
    unused_variables: List[str]


class ConnectionFields(TypedDict, total=False):
    """What is said of a connection. What each provider needs is in the server's documentation."""

    provider: str
    display_name: str
    mode: str
    status: str
    api_key: str
    secret: str
    session_token: Optional[str]
    priority: int
    weight: int
    daily_cap: Optional[int]
    monthly_cap: Optional[int]
    rolling_24h_cap: Optional[int]
    max_in_flight: Optional[int]
    #: ``{"per_second": …, "burst": …}``
    rate_limit: Optional[Mapping[str, float]]
    drain: bool
    region: Optional[str]
    domain: Optional[str]
    configuration_set: Optional[str]
    message_stream: Optional[str]
    ip_pool: Optional[str]
    base_url: Optional[str]
    smtp_host: Optional[str]
    smtp_port: Optional[int]
    tls: str
    webhook_auto_managed: bool
    webhook_secret: Optional[str]
    sns_topic_arns: Optional[List[str]]


class ProviderConnection(TypedDict, total=False):
    id: str
    provider: str
    mode: str
    status: str
    display_name: str
    priority: int
    weight: int
    daily_cap: Optional[int]
    monthly_cap: Optional[int]
    rolling_24h_cap: Optional[int]
    rate_limit: Optional[Mapping[str, Any]]
    api_key_present: bool
    secret_present: bool
    #: Whether it works, and what to do if it does not.
    verification: Optional[Mapping[str, Any]]
    last_verified_at: Optional[str]
    #: How the provider calls back: ``status``, ``last_error``, ``proven``; none if it never does.
    webhook: Optional[Mapping[str, Any]]
    created_at: str
    updated_at: str


class RuleConnection(TypedDict, total=False):
    provider_connection_id: str
    priority: int
    weight: int
    failover_only: bool


class RuleFields(TypedDict, total=False):
    """What is said of a rule. Of a list one value is enough; ``None`` removes a condition."""

    name: str
    #: ``priority``, ``weighted``, ``round_robin`` or ``failover_only``.
    strategy: str
    is_default: bool
    is_active: bool
    position: int
    match_from_domain: Union[str, List[str], None]
    match_recipient_domain: Union[str, List[str], None]
    match_tag: Union[str, List[str], None]
    match_lane: Union[str, List[str], None]
    match_metadata: Optional[Mapping[str, str]]
    connections: List[RuleConnection]


class RoutingRule(TypedDict):
    id: str
    name: str
    strategy: str
    is_default: bool
    is_active: bool
    position: int
    match_from_domain: Union[str, List[str], None]
    match_recipient_domain: Union[str, List[str], None]
    match_tag: Union[str, List[str], None]
    match_lane: Union[str, List[str], None]
    match_metadata: Optional[Mapping[str, str]]
    connections: List[Mapping[str, Any]]
    connection_count: int
    created_at: str
    updated_at: str


class Explanation(TypedDict):
    """Where a message would go."""

    mode: str
    rule: Optional[Mapping[str, Any]]
    strategy: str
    tiers: List[List[Mapping[str, Any]]]
    decision: Mapping[str, Any]
    suppressed: Optional[List[str]]
    refused: Optional[Mapping[str, str]]


class SandboxMessage(TypedDict):
    """What the sandbox took instead of sending it."""

    id: str
    to: List[str]
    cc: List[str]
    recipients: List[str]
    subject: Optional[str]
    html_body: Optional[str]
    text_body: Optional[str]
    content_purged: bool
    headers: List[Mapping[str, str]]
    attachments: List[Mapping[str, Any]]
    received_at: Optional[str]
