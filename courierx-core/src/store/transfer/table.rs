//! The tables that every store has, whatever it makes of them.

/// Of what type a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// An identifier: a UUID.
    Id,
    /// A number, or a moment in microseconds since 1970.
    Int,
    /// Whether or not.
    Bool,
    /// A text without zero bytes.
    Text,
    /// Bytes.
    Bytes,
}

/// A column of a table.
#[derive(Debug)]
pub struct Column {
    /// What it is called.
    pub name: &'static str,
    /// What its values are, where there are any.
    pub of: Type,
}

/// A table.
#[derive(Debug)]
pub struct Table {
    /// What it is called.
    pub name: &'static str,
    /// How many of the first columns tell its rows apart.
    pub key: usize,
    /// Its columns.
    pub columns: &'static [Column],
}

impl PartialEq for Table {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Table {}

macro_rules! tables {
    ($($name:ident ($($key:ident $key_type:ident),+; $($column:ident $type:ident),*))*) => {
        /// The tables, in the order in which they are moved. Messages come before what belongs to them.
        ///
        /// Recipients of a message are the JSON of a list of
        /// `[position, header, disposition, status, address]`; whatever else is a list is its own JSON. An absent
        /// content was purged. Jobs are free from `run_at` on.
        pub const TABLES: &[Table] = &[$(Table {
            name: stringify!($name),
            key: [$(stringify!($key)),+].len(),
            columns: &[
                $(Column { name: stringify!($key), of: Type::$key_type },)+
                $(Column { name: stringify!($column), of: Type::$type },)*
            ],
        }),*];
    };
}

tables! {
    configs (tenant Id, kind Text, id Id;
        version Int, schema Int, parent Id, unique_keys Text, global_keys Text, refers_to Text, updated_at Int,
        body Text)
    config_changes (position Int; tenant Id, kind Text, id Id, removed Bool)
    suppressions (tenant Id, pattern Text, scope Text;
        id Id, reason Text, source Text, note Text, source_message Id, created_at Int, expires_at Int)
    messages (tenant Id, id Id;
        created_at Int, send_at Int, deliver_by Int, sender Text, lane Int, mode Text, retry Text, duplicates Text,
        tags Text, status Text, recipients Text, summary Bytes, content Bytes)
    attempts (tenant Id, message Id, number Int;
        id Id, connection Text, provider Text, delivery Id, job Int, token Int, started_at Int, finished_at Int,
        provider_message_id Text, recipients Text, skipped Text, grants Text)
    provider_ids (tenant Id, connection Text, provider_message_id Text, message Id, number Int;)
    events (position Int;
        tenant Id, id Id, message Id, recipient Int, attempt Id, connection Text, kind Text, at Int, detail Text,
        deduplication Text)
    idempotency (tenant Id, key Text; message Id, digest Bytes, expires_at Int)
    jobs (id Int; tenant Id, kind Text, message Id, lane Int, run_at Int, token Int, round Int, payload Bytes)
    counters (tenant Id, name Text, day Int; value Int)
    quotas (tenant Id, name Text, period Text, bucket Int; used Int)
    grants (id Int; tenant Id, name Text, period Text, bucket Int, amount Int)
    state (tenant Id, name Text; value Bytes, version Int, expires_at Int)
    audit_log (tenant Id, at Int, id Id;
        actor Text, actor_id Id, action Text, kind Text, subject Id, request Text, fields Text)
    soft_bounces (tenant Id, address Text; number Int, last_at Int)
    callbacks (tenant Id, id Id; connection Text, received_at Int, body Bytes, remaining Text)
}

impl Table {
    /// The table of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        TABLES.iter().find(|table| table.name == name)
    }

    /// Which of [`TABLES`] it is.
    pub fn place(&self) -> usize {
        TABLES.iter().position(|table| table == self).unwrap_or(TABLES.len())
    }

    /// The columns that tell rows apart.
    pub fn keys(&self) -> &'static [Column] {
        &self.columns[..self.key]
    }
}
