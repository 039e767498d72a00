//! A part of what is remembered, behind one lock.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Answer, Question};

/// Two halves: answers are put into the young one, and when that is full or has had its time, the old one is dropped and
/// they change places. So dropping costs nothing for each answer, and nobody has to be looked for.
#[derive(Default)]
pub(super) struct Shard {
    young: Half,
    old: Half,
    most: usize,
}

#[derive(Default)]
struct Half {
    answers: HashMap<Question, (Arc<Answer>, usize)>,
    bytes: usize,
}

impl Shard {
    /// For at most so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        Self { most: bytes / 2, ..Self::default() }
    }

    pub(super) fn find(&self, question: &Question) -> Option<Arc<Answer>> {
        let found = self.young.answers.get(question).or_else(|| self.old.answers.get(question));
        found.map(|(answer, _)| Arc::clone(answer))
    }

    pub(super) fn keep(&mut self, question: Question, answer: Arc<Answer>, bytes: usize) {
        if bytes > self.most {
            return;
        }
        if self.young.bytes + bytes > self.most {
            self.turn();
        }
        self.young.bytes += bytes;
        if let Some((_, before)) = self.young.answers.insert(question, (answer, bytes)) {
            self.young.bytes -= before;
        }
    }

    /// Drops the old half, and the young one becomes it.
    pub(super) fn turn(&mut self) {
        self.old = std::mem::take(&mut self.young);
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.young.bytes + self.old.bytes
    }
}
