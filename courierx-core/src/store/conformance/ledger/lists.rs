//! Lists of messages, and what is removed from them.

use std::time::Duration;

use super::super::{Subject, fixtures};
use crate::clock::Timestamp;
use crate::event::{Event, EventKind, MessageStatus, NewEvent, Sequence};
use crate::id::{MessageId, TenantId};
use crate::message::Lane;
use crate::router::ConnectionId;
use crate::store::{
    Cursor, EventQuery, MessageFilter, NewJob, PageRequest, PurgeRequest, Purged, StoreError,
};
use crate::vault::{SealContext, Sealed, Vault, VaultKey};

/// Messages are listed newest first, by page, and a page is not disturbed by what was accepted meanwhile.
pub async fn pages_of_messages_are_stable(subject: &Subject) {
    let tenant = TenantId::new();
    let mut ids = Vec::new();
    for _ in 0..7 {
        ids.push(fixtures::accept(subject, fixtures::message(tenant, subject.now())).await);
        subject.advance(Duration::from_secs(1)).await;
    }
    let (mut seen, mut request) = (Vec::new(), PageRequest::first(3));
    loop {
        let page = subject.store().list(tenant, &<_>::default(), &request).await.expect("list");
        assert!(page.items.len() <= 3, "a page is not longer than asked for");
        seen.extend(page.items.into_iter().map(|record| record.id));
        // Accepted while somebody turns the pages: newer than all that was listed.
        fixtures::accept(subject, fixtures::message(tenant, subject.now())).await;
        let Some(next) = page.next else { break };
        request = PageRequest::after(next, 3);
    }
    ids.reverse();
    assert_eq!(seen, ids, "each message once, the newest first, and none that came later");
    let foreign = PageRequest::after(Cursor::new("of no list"), 3);
    let refused = subject.store().list(tenant, &<_>::default(), &foreign).await;
    assert!(matches!(refused, Err(StoreError::Invalid(_))), "a foreign cursor is refused: {refused:?}");
}

/// A list with attempts is the list, and events that are read along are those that are read alone.
pub async fn messages_are_read_with_what_belongs_to_them(subject: &Subject) {
    let flight = fixtures::Flight::claimed(subject).await;
    let (tenant, store) = (flight.tenant, subject.store());
    let begin = flight.started(subject, "primary").await;
    fixtures::settle_one(subject, flight.result(begin.attempt, vec![fixtures::accepted("1")])).await;
    let event = flight.event(&begin, EventKind::Delivered, subject.now());
    store.record_events(vec![event]).await.expect("record_events");
    let mut new = fixtures::message(tenant, subject.now());
    new.effects.events.push(NewEvent::of_message(new.id, EventKind::Queued, subject.now()));
    let fresh = fixtures::accept(subject, new).await;

    let page = PageRequest::first(1);
    let plain = store.list(tenant, &<_>::default(), &page).await.expect("list");
    let listed = store.list_outlines(tenant, &<_>::default(), &page).await.expect("list_outlines");
    assert_eq!(listed.next, plain.next, "the page goes on where the other does");
    let all = store.list_outlines(tenant, &<_>::default(), &<_>::default()).await.expect("list_outlines");
    let places: Vec<_> = all.items.iter().map(|message| (tenant, message.record.id)).collect();
    let outlines = store.outline(&places).await.expect("outline");
    assert_eq!(all.items.into_iter().map(Some).collect::<Vec<_>>(), outlines);
    assert_eq!(places.len(), 2);

    let ids = [fresh, MessageId::new(), flight.message];
    let events = store.events_of(tenant, &ids).await.expect("events_of");
    for (id, events) in ids.iter().zip(&events) {
        let alone = store.events(&EventQuery::of_message(tenant, *id)).await.expect("events");
        assert_eq!(*events, alone);
        let whole = store.load_with_events(tenant, *id).await.expect("load_with_events");
        let loaded = store.load(&[(tenant, *id)]).await.expect("load").remove(0);
        assert_eq!(whole, loaded.map(|loaded| (loaded, alone)));
    }
    let [.., delivered] = &events[..] else { panic!("each has an answer") };
    assert!(delivered.iter().any(|event| event.kind == EventKind::Delivered));
    let stranger = store.load_with_events(TenantId::new(), fresh).await.expect("load_with_events");
    assert_eq!(stranger, None, "another tenant's is not found");
    let strange = store.events_of(TenantId::new(), &[fresh]).await.expect("events_of");
    assert_eq!(strange, [vec![]]);
}

/// Each filter of a list selects, and together they all hold.
pub async fn lists_are_filtered(subject: &Subject) {
    let tenant = TenantId::new();
    let store = subject.store();
    let plain = fixtures::accept(subject, fixtures::message(tenant, subject.now())).await;
    subject.advance(Duration::from_secs(10)).await;
    let middle = subject.now();
    let mut new = fixtures::message_to(tenant, middle, &["bob@example.com", "Carl@Example.com"]);
    new.tags = vec!["news".to_owned(), "weekly".to_owned()];
    let tagged = fixtures::accept(subject, new).await;
    subject.advance(Duration::from_secs(10)).await;
    let canceled = fixtures::accept(subject, fixtures::message(tenant, subject.now())).await;
    store.cancel(tenant, canceled).await.expect("cancel");

    let carl = fixtures::address("CARL@example.com").key();
    let filter = MessageFilter::default;
    let cases = [
        ("none", filter(), vec![canceled, tagged, plain]),
        ("status", MessageFilter { status: Some(MessageStatus::Canceled), ..filter() }, vec![canceled]),
        ("status", MessageFilter { status: Some(MessageStatus::Queued), ..filter() }, vec![tagged, plain]),
        ("recipient", MessageFilter { recipient: Some(carl), ..filter() }, vec![tagged]),
        ("tag", MessageFilter { tag: Some("weekly".to_owned()), ..filter() }, vec![tagged]),
        ("part of a tag", MessageFilter { tag: Some("week".to_owned()), ..filter() }, vec![]),
        ("from", MessageFilter { from: Some(middle), ..filter() }, vec![canceled, tagged]),
        ("until", MessageFilter { until: Some(middle), ..filter() }, vec![plain]),
        (
            "several",
            MessageFilter { from: Some(middle), status: Some(MessageStatus::Queued), ..filter() },
            vec![tagged],
        ),
    ];
    for (what, filter, expected) in cases {
        let mut found: Vec<MessageId> = Vec::new();
        let mut request = PageRequest::first(1);
        loop {
            let page = store.list(tenant, &filter, &request).await.expect("list");
            found.extend(page.items.iter().map(|record| record.id));
            let Some(next) = page.next else { break };
            request = PageRequest::after(next, 1);
        }
        assert_eq!(found, expected, "filtered by {what}, page by page");
    }
}

/// Content is removed before its message, and both only once the message is settled.
pub async fn purge_removes_only_what_is_settled_and_old(subject: &Subject) {
    let tenant = TenantId::new();
    let store = subject.store();
    let accept = async || {
        let mut new = fixtures::message(tenant, subject.now());
        new.effects.events = vec![NewEvent::of_message(new.id, EventKind::Queued, subject.now())];
        fixtures::accept(subject, new).await
    };
    let unsettled = accept().await;
    let old = accept().await;
    store.cancel(tenant, old).await.expect("cancel");
    // A store may remove contents by the day.
    subject.advance(Duration::from_hours(48)).await;
    let young = accept().await;
    store.cancel(tenant, young).await.expect("cancel");
    let now = subject.now();
    let past = now.after(Duration::ZERO);
    let never = Timestamp::EPOCH;

    let content = store.purge(&PurgeRequest::new(past, never)).await.expect("purge");
    assert_eq!(content, Purged { contents: 1, messages: 0, more: false });
    let loaded = store.load(&[(tenant, old)]).await.expect("load").remove(0).expect("the message stays");
    assert_eq!(loaded.content, None, "the content is gone");
    assert_eq!(loaded.record.summary, None, "and so is its summary");
    let again = store.purge(&PurgeRequest::new(past, never)).await.expect("purge");
    assert_eq!(again, Purged::default(), "there is nothing left to remove");

    let whole = store.purge(&PurgeRequest::new(past, past)).await.expect("purge");
    assert_eq!((whole.messages, whole.more), (1, false));
    let places = [(tenant, unsettled), (tenant, old), (tenant, young)];
    let kept: Vec<_> = store.load(&places).await.expect("load").iter().map(Option::is_some).collect();
    assert_eq!(kept, [true, false, true], "what is not settled, or not old, is kept");
    let events = store.events(&EventQuery::of_message(tenant, old)).await.expect("events");
    assert!(events.is_empty(), "events go with their message");
    let listed = store.list(tenant, &<_>::default(), &PageRequest::default()).await.expect("list");
    assert_eq!(listed.items.len(), 2);
}

/// What is not settled keeps its content, however old it is, and is still delivered.
pub async fn a_purge_keeps_what_has_work_to_do(subject: &Subject) {
    let store = subject.store();
    let tenant = TenantId::new();
    let mut waiting = fixtures::message(tenant, subject.now());
    waiting.send_at = subject.now().after(Duration::from_hours(24 * 40));
    waiting.effects.jobs = vec![NewJob::delivery(waiting.id, Lane::Bulk, waiting.send_at)];
    let content = waiting.content.clone();
    let waiting = fixtures::accept(subject, waiting).await;
    let done = fixtures::accept(subject, fixtures::message(tenant, subject.now())).await;
    store.cancel(tenant, done).await.expect("cancel");
    subject.advance(Duration::from_hours(24 * 40)).await;

    let mut request = PurgeRequest::new(subject.now(), Timestamp::EPOCH);
    request.content_of = vec![(tenant, subject.now())];
    while store.purge(&request).await.expect("purge").more {}
    let loaded = store.load(&[(tenant, waiting), (tenant, done)]).await.expect("load");
    let contents: Vec<_> = loaded.into_iter().map(|one| one.expect("the message stays").content).collect();
    assert_eq!(contents, [Some(content), None], "content goes with the end of its message, not before");
    let whole = PurgeRequest::new(subject.now(), subject.now());
    while store.purge(&whole).await.expect("purge").more {}
    let due: Vec<_> =
        fixtures::claim(subject, 9).await.into_iter().filter_map(|one| one.job.message).collect();
    assert!(due.contains(&waiting), "its job is there, too");

    store.cancel(tenant, waiting).await.expect("cancel");
    subject.advance(Duration::from_hours(48)).await;
    let whole = PurgeRequest::new(subject.now(), Timestamp::EPOCH);
    assert_eq!(store.purge(&whole).await.expect("purge").contents, 1, "once it is settled it goes");
    let loaded = store.load(&[(tenant, waiting)]).await.expect("load").remove(0).expect("the message stays");
    assert_eq!((loaded.content, loaded.record.summary), (None, None));
}

/// Some tenants' content may go sooner than everybody's, each to its own moment, in batches.
pub async fn the_content_of_some_tenants_goes_sooner(subject: &Subject) {
    let store = subject.store();
    let [soonest, sooner, usual] = [TenantId::new(), TenantId::new(), TenantId::new()];
    let accept = async |settled: bool| {
        let mut ids = Vec::new();
        for tenant in [soonest, sooner, usual] {
            let id = fixtures::accept(subject, fixtures::message(tenant, subject.now())).await;
            if settled {
                store.cancel(tenant, id).await.expect("cancel");
            }
            ids.push((tenant, id));
        }
        ids
    };
    let old = accept(true).await;
    subject.advance(Duration::from_secs(2)).await;
    let between = subject.now();
    let young = accept(true).await;
    let unsettled = accept(false).await;
    subject.advance(Duration::from_secs(1)).await;

    let mut request = PurgeRequest::content_of(vec![(soonest, subject.now()), (sooner, between)]);
    request.limit = 2;
    let mut removed = 0;
    loop {
        let purged = store.purge(&request).await.expect("purge");
        assert!(purged.contents <= 2 && purged.messages == 0, "at most two contents at once: {purged:?}");
        removed += purged.contents;
        if !purged.more {
            break;
        }
    }
    assert_eq!(removed, 3, "each tenant's up to its moment");
    let places: Vec<_> = [old, young, unsettled].concat();
    let loaded = store.load(&places).await.expect("load");
    let kept: Vec<_> = loaded.into_iter().map(|one| one.expect("messages stay").content.is_some()).collect();
    assert_eq!(kept, [false, false, true, false, true, true, true, true, true]);
    let outlines = store.outline(&places[..1]).await.expect("outline").remove(0).expect("the message stays");
    assert_eq!(outlines.record.summary, None, "the summary goes with the content");
    assert_eq!(store.purge(&request).await.expect("purge"), Purged::default(), "nothing is removed twice");
}

/// A message is read without its content, with its summary, for its tenant alone.
pub async fn an_outline_has_no_content(subject: &Subject) {
    let tenant = TenantId::new();
    let id = fixtures::accept(subject, fixtures::message(tenant, subject.now())).await;
    let places = [(tenant, id), (TenantId::new(), id)];
    let whole = subject.store().load(&places).await.expect("load").remove(0).expect("stored");
    let outlines = subject.store().outline(&places).await.expect("outline");
    assert_eq!(outlines[1], None, "another tenant's message is not found");
    let outline = outlines[0].as_ref().expect("stored");
    assert!(whole.content.is_some() && outline.content.is_none());
    assert!(outline.record.summary.is_some(), "the summary is read with the message");
    assert_eq!((&outline.record, &outline.attempts), (&whole.record, &whole.attempts));
}

/// Who still has content is told in order, whichever way the others lost theirs.
pub async fn who_has_content_is_told(subject: &Subject) {
    let (store, tenant, sooner) = (subject.store(), TenantId::new(), TenantId::new());
    let settled = async |tenant: TenantId, content: Option<Sealed>| {
        let mut new = fixtures::message(tenant, subject.now());
        new.content = content.unwrap_or(new.content);
        let id = fixtures::accept(subject, new).await;
        store.cancel(tenant, id).await.expect("cancel");
        (tenant, id)
    };
    let large = || {
        let context = SealContext { tenant, kind: "content", record: &[0; 16] };
        Some(Vault::new(VaultKey::generate()).seal(&context, &vec![0; 300_000]))
    };
    let unsettled = fixtures::accept(subject, fixtures::message(tenant, subject.now())).await;
    let old = [settled(tenant, None).await, settled(tenant, large()).await];
    subject.advance(Duration::from_hours(72)).await;
    let between = subject.now();
    let exact = [settled(sooner, None).await, settled(sooner, large()).await];
    subject.advance(Duration::from_secs(1)).await;
    let sooner_before = subject.now();
    let young = [settled(tenant, None).await, settled(tenant, large()).await, settled(sooner, None).await];

    let absent = (tenant, MessageId::new());
    let places =
        [&old[..], &exact, &young, &[(tenant, unsettled), absent, (sooner, unsettled), old[0]]].concat();
    let ask = async || store.has_content(&places).await.expect("has_content");
    let all = Some(true);
    assert_eq!(ask().await, [all, all, all, all, all, all, all, all, None, None, all]);
    let mut request = PurgeRequest::new(between, Timestamp::EPOCH);
    request.content_of = vec![(sooner, sooner_before)];
    while store.purge(&request).await.expect("purge").more {}
    let gone = Some(false);
    assert_eq!(ask().await, [gone, gone, gone, gone, all, all, all, all, None, None, gone]);
    while store.purge(&PurgeRequest::new(between, between)).await.expect("purge").more {}
    assert_eq!(ask().await, [None, None, gone, gone, all, all, all, all, None, None, None]);
    assert_eq!(store.has_content(&[]).await.expect("has_content"), [], "nobody was asked about");
}

/// A purge removes no more at once than it was asked to, and says whether to go on.
pub async fn purge_is_bounded(subject: &Subject) {
    let tenant = TenantId::new();
    for _ in 0..5 {
        let id = fixtures::accept(subject, fixtures::message(tenant, subject.now())).await;
        subject.store().cancel(tenant, id).await.expect("cancel");
    }
    subject.advance(Duration::from_secs(1)).await;
    let mut request = PurgeRequest::new(subject.now(), subject.now());
    request.limit = 2;
    let mut removed = Vec::new();
    loop {
        let purged = subject.store().purge(&request).await.expect("purge");
        assert!(purged.messages <= 2 && purged.contents <= 2, "at most two at once: {purged:?}");
        removed.push(purged.messages);
        assert!(removed.len() < 20, "a purge comes to its end");
        if !purged.more {
            break;
        }
    }
    assert_eq!(removed.iter().sum::<usize>(), 5, "bit by bit all are removed: {removed:?}");
}

/// What is told of connections has no message to go with: a purge removes it by its age.
pub async fn a_purge_removes_old_events_about_no_message(subject: &Subject) {
    let (tenant, connection) = (TenantId::new(), "primary".parse::<ConnectionId>().expect("a name"));
    let mut tell = Vec::new();
    for kind in [EventKind::ProviderDegraded, EventKind::ProviderRecovered] {
        let mut new = fixtures::message(tenant, subject.now());
        new.effects.events.push(NewEvent::of_connection(connection.clone(), kind, subject.now()));
        tell.push(fixtures::accept(subject, new).await);
        subject.advance(Duration::from_secs(10)).await;
    }
    let told = async || {
        let events = subject.store().events(&EventQuery::of_tenant(tenant, Sequence::START, 100)).await;
        let about_none = |event: &Event| event.message.is_none().then_some(event.kind);
        events.expect("events").iter().filter_map(about_none).collect::<Vec<_>>()
    };
    assert_eq!(told().await, [EventKind::ProviderDegraded, EventKind::ProviderRecovered]);
    let before = Timestamp::from_micros(subject.now().as_micros() - 15_000_000);
    subject.store().purge(&PurgeRequest::new(Timestamp::EPOCH, before)).await.expect("purge");
    assert_eq!(told().await, [EventKind::ProviderRecovered], "what is older is gone");
    let messages = subject.store().load(&tell.iter().map(|id| (tenant, *id)).collect::<Vec<_>>()).await;
    assert!(messages.expect("load").iter().all(Option::is_some), "messages with work to do are kept");
}
