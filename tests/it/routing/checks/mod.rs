//! What must hold, whatever happens.

mod breakers;
mod limits;
mod messages;

use super::log::HandOver;
use super::scenario::{Mail, Scenario};
use super::world::Seen;

pub(super) fn everything(scenario: &Scenario, seen: &Seen) -> Vec<String> {
    let facts = seen.log.lock();
    let look = Look { scenario, seen, hand_overs: &facts.hand_overs };
    let mut wrong = Vec::new();
    if !seen.is_drained {
        wrong.push("something is left to do after all that time".to_owned());
    }
    look.no_duplicates(&mut wrong);
    look.all_is_delivered(&mut wrong);
    look.quotas(&mut wrong);
    look.rates(&mut wrong);
    look.budgets(&mut wrong);
    look.costs_of_outages(&mut wrong);
    look.back_to_full_share(&mut wrong);
    look.who_stands_aside(&mut wrong);
    look.moves(&facts.moves, &mut wrong);
    wrong
}

struct Look<'a> {
    scenario: &'a Scenario,
    seen: &'a Seen,
    hand_overs: &'a [HandOver],
}

impl<'a> Look<'a> {
    fn of_mail(&self, mail: usize) -> impl Iterator<Item = &'a HandOver> {
        self.hand_overs.iter().filter(move |one| one.mail == mail)
    }

    fn of_line(&self, line: usize) -> impl Iterator<Item = &'a HandOver> {
        self.hand_overs.iter().filter(move |one| one.line == line)
    }

    fn mail(&self, number: usize) -> Option<&'a Mail> {
        self.scenario.mails.get(number)
    }

    fn is_direct(&self, number: usize) -> bool {
        self.mail(number).is_some_and(|mail| mail.direct)
    }

    fn processes(&self) -> Vec<usize> {
        let mut all: Vec<_> = self.hand_overs.iter().map(|one| one.process).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    fn each(&self) -> impl Iterator<Item = (usize, usize)> {
        let processes = self.processes();
        (0..self.scenario.lines.len())
            .flat_map(move |line| processes.clone().into_iter().map(move |one| (line, one)))
    }
}
