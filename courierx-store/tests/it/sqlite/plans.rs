//! The statements of the hot path seek: none of them looks at more rows than it returns.

use crate::support::Fixture;

/// Statements, and a part of their plan.
const STATEMENTS: &[(&str, &str)] = &[
    (
        "SELECT id FROM courierx_jobs WHERE kind = ?1 AND lane = ?2 AND tenant = ?3 AND free_at <= ?4
             ORDER BY free_at, id LIMIT ?6",
        "courierx_jobs_free (kind=? AND lane=? AND tenant=? AND free_at<?)",
    ),
    (
        "SELECT next_at, turn, tenant FROM courierx_ready
             WHERE kind = ?1 AND lane = ?2 AND next_at <= ?3 ORDER BY next_at, turn LIMIT ?4",
        "courierx_ready_next (kind=? AND lane=? AND next_at<?)",
    ),
    (
        "SELECT min(free_at) FROM courierx_jobs WHERE kind = ?1 AND lane = ?2 AND tenant = ?3",
        "courierx_jobs_free (kind=? AND lane=? AND tenant=?)",
    ),
    (
        "SELECT j.run_at FROM courierx_ready r CROSS JOIN courierx_jobs j
             WHERE r.lane = ?1 AND r.next_at <= ?4
                   AND j.kind = r.kind AND j.lane = r.lane AND j.tenant = r.tenant AND j.free_at <= ?4 LIMIT ?5",
        "courierx_jobs_free (kind=? AND lane=? AND tenant=? AND free_at<?)",
    ),
    (
        "SELECT status FROM courierx_messages WHERE id = ?1 AND tenant = ?2",
        "courierx_messages_id (id=? AND tenant=?)",
    ),
    (
        "SELECT address FROM courierx_recipients WHERE message = ?1 ORDER BY position",
        "PRIMARY KEY (message=?)",
    ),
    (
        "SELECT recipients FROM courierx_attempts WHERE message = ?1 ORDER BY number",
        "courierx_attempts_message (message=?)",
    ),
    (
        "UPDATE courierx_attempts SET recipients = ?5 WHERE message = ?1 AND number = ?2",
        "courierx_attempts_message (message=? AND number=?)",
    ),
    (
        "SELECT id FROM courierx_attempts WHERE delivery = ?1 AND connection = ?2 AND tenant = ?3
             ORDER BY seq DESC LIMIT 1",
        "courierx_attempts_delivery (delivery=? AND connection=? AND tenant=?)",
    ),
    (
        "SELECT m.recipients, a.recipients
             FROM courierx_attempts a CROSS JOIN courierx_messages m ON m.seq = a.message
             WHERE a.delivery = ?1 AND a.connection = ?2 AND a.tenant = ?3 ORDER BY a.seq DESC LIMIT 2",
        "courierx_attempts_delivery (delivery=? AND connection=? AND tenant=?)",
    ),
    (
        "SELECT 1 FROM courierx_attempts WHERE message = ?1 LIMIT 2",
        "COVERING INDEX courierx_attempts_message (message=?)",
    ),
    (
        "SELECT number FROM courierx_provider_ids
             WHERE provider_message_id = ?1 AND connection = ?2 AND tenant = ?3
             ORDER BY message DESC, number DESC LIMIT 1",
        "PRIMARY KEY (provider_message_id=? AND connection=? AND tenant=?)",
    ),
    (
        "SELECT 1 FROM courierx_events
             WHERE tenant = ?1 AND connection = ?2 AND deduplication = ?3 AND deduplication IS NOT NULL",
        "courierx_events_deduplication (tenant=? AND connection=? AND deduplication=?)",
    ),
    (
        "SELECT id FROM courierx_messages WHERE seq >> 12 = ?1 AND tenant = ?2 AND seq < ?3 ORDER BY seq DESC",
        "courierx_messages_tenant (<expr>=? AND tenant=? AND rowid<?)",
    ),
    (
        "SELECT count(*) FROM (SELECT 1 FROM courierx_messages
             WHERE seq >> 12 = ?1 AND tenant = ?2 AND seq < ?3 LIMIT ?4)",
        "COVERING INDEX courierx_messages_tenant (<expr>=? AND tenant=? AND rowid<?)",
    ),
    (
        "SELECT id FROM courierx_events WHERE sequence >> 12 = ?1 AND tenant = ?2 AND sequence > ?3
             ORDER BY sequence LIMIT ?4",
        "courierx_events_tenant (<expr>=? AND tenant=? AND rowid>?)",
    ),
    (
        "SELECT queued FROM courierx_messages
             WHERE seq >> 12 = ?1 AND tenant = ?2 AND seq > ?3 AND queued IS NOT NULL ORDER BY seq LIMIT ?4",
        "courierx_messages_tenant (<expr>=? AND tenant=? AND rowid>?)",
    ),
    (
        "SELECT queued FROM courierx_messages WHERE id = ?1 AND (?2 IS NULL OR tenant = ?2) AND seq > ?3
               AND queued IS NOT NULL LIMIT ?4",
        "courierx_messages_id (id=?",
    ),
    (
        "SELECT queued FROM courierx_messages WHERE seq > ?1 AND seq < ?2 AND queued IS NOT NULL
             ORDER BY seq LIMIT ?3",
        "INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
    ),
    (
        "SELECT id FROM courierx_events WHERE message = ?1 AND (?2 IS NULL OR tenant = ?2) AND sequence > ?3
             ORDER BY sequence LIMIT ?4",
        "courierx_events_message (message=? AND rowid>?)",
    ),
    (
        "SELECT seq FROM courierx_messages WHERE has_content IN (0, 1) AND created_at < ?1 AND settled = 1 LIMIT ?2",
        "courierx_messages_done (has_content=? AND created_at<?)",
    ),
    (
        "SELECT seq FROM courierx_messages INDEXED BY courierx_messages_done_tenant
             WHERE seq >> 12 = ?1 AND tenant = ?2 AND created_at < ?3
               AND has_content = 1 AND settled = 1 LIMIT ?4",
        "courierx_messages_done_tenant (<expr>=? AND tenant=? AND created_at<?)",
    ),
    (
        "SELECT seq >> 12 FROM courierx_messages INDEXED BY courierx_messages_done_tenant WHERE seq >> 12 > ?1 AND has_content = 1 AND settled = 1
             ORDER BY seq >> 12 LIMIT 1",
        "courierx_messages_done_tenant (<expr>>?)",
    ),
    (
        "SELECT name FROM courierx_quotas WHERE bucket < ?1 LIMIT ?2",
        "courierx_quotas_age (bucket<?)",
    ),
    (
        "SELECT pattern FROM courierx_suppressions
             WHERE tenant = ?1 AND pattern IN (?2, ?3) AND scope IN ('', ?4)",
        "PRIMARY KEY (tenant=? AND pattern=? AND scope=?)",
    ),
    (
        "SELECT pattern FROM courierx_suppressions WHERE id = ?1 AND tenant = ?2",
        "courierx_suppressions_id (id=? AND tenant=?)",
    ),
    (
        "SELECT reason FROM courierx_suppressions
             WHERE tenant = ?1 AND (pattern, scope) >= (?2, ?3) AND pattern < ?4
               AND (expires_at IS NULL OR expires_at > ?5) AND (?6 IS NULL OR reason = ?6)
               AND (?7 IS NULL OR scope = ?7)
             ORDER BY pattern, scope LIMIT ?8 OFFSET ?9",
        "PRIMARY KEY (tenant=? AND (pattern,scope)>(?,?) AND pattern<?)",
    ),
];

#[tokio::test]
async fn hot_statements_use_indexes() {
    let fixture = Fixture::new().await;
    let connection = fixture.connection();
    for (sql, index) in STATEMENTS {
        let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let plan: Vec<String> = explain.raw_query().mapped(|row| row.get(3)).map(Result::unwrap).collect();
        assert!(plan.iter().any(|step| step.contains(index)), "{sql}\n{plan:#?}");
        assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{sql}\n{plan:#?}");
    }
}
