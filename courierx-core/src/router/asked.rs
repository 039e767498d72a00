//! A question while it is answered.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{HashMap, HashSet};

use super::history::HistoryEntry;
use super::plan::{Candidates, Plan, Tier};
use super::question::Question;
use super::{ConnectionId, Router};
use crate::clock::Timestamp;

/// A question, the moment at which it is asked, and what has to be the same for all of its recipients.
///
/// There may be a thousand of them: what does not depend on the recipient is found out once.
pub(super) struct Asked<'a> {
    pub(super) question: &'a Question<'a>,
    pub(super) now: Timestamp,
    /// Whether this is a decision, which takes a turn where connections take turns.
    takes: bool,
    turn: Cell<Option<usize>>,
    /// Of which two the second was better, or not.
    compared: Cell<Option<(usize, usize, bool)>>,
    candidates: OnceCell<Candidates<'a>>,
    open: OnceCell<HashSet<u32>>,
    /// Which hand-overs can be repeated, by their connection and where their recipients are kept.
    repeatable: RefCell<HashMap<(usize, ConnectionId), bool>>,
}

impl<'a> Asked<'a> {
    pub(super) fn new(question: &'a Question<'a>, now: Timestamp, takes: bool) -> Self {
        Self {
            question,
            now,
            takes,
            turn: Cell::new(None),
            compared: Cell::new(None),
            candidates: OnceCell::new(),
            open: OnceCell::new(),
            repeatable: RefCell::default(),
        }
    }

    /// The plan for one recipient.
    pub(super) fn plan<'r>(&self, router: &'r Router, recipient: u32) -> &'r Plan {
        let plans = router.plans();
        plans.plan(self.candidates.get_or_init(|| plans.candidates(self.question.email)), recipient)
    }

    pub(super) fn turn(&self, tier: &Tier) -> usize {
        let turn = self.turn.get().unwrap_or_else(|| tier.turn(self.takes));
        self.turn.set(Some(turn));
        turn
    }

    /// The better of two connections, by position.
    pub(super) fn better(&self, router: &Router, one: usize, other: usize) -> usize {
        let is_other = match self.compared.get() {
            Some((first, second, is_other)) if (first, second) == (one, other) => is_other,
            _ => {
                let score = |position: usize| router.connections()[position].score(self.now);
                score(other) > score(one)
            }
        };
        self.compared.set(Some((one, other, is_other)));
        if is_other { other } else { one }
    }

    /// Whether the recipient is open.
    pub(super) fn is_open(&self, recipient: u32) -> bool {
        let open = || self.question.open.iter().map(|(one, _)| *one).collect();
        self.open.get_or_init(open).contains(&recipient)
    }

    /// Whether the hand-over that an entry tells of can be repeated: the same for everybody it was for, so
    /// `find_out` is asked once.
    pub(super) fn can_repeat(&self, entry: &HistoryEntry, find_out: impl FnOnce() -> bool) -> bool {
        let key = (entry.together.as_ptr().addr(), entry.connection.clone());
        *self.repeatable.borrow_mut().entry(key).or_insert_with(find_out)
    }
}
