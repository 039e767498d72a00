//! Takes out of a scenario whatever its failure does not need.

use super::scenario::Scenario;

/// What makes it smaller.
type Step = Box<dyn Fn(&mut Scenario)>;

/// How many scenarios are tried at most.
const TRIES: usize = 3000;

/// The smallest that is found to fail still.
pub(super) fn shrink(mut scenario: Scenario, fails: impl Fn(&Scenario) -> bool) -> Scenario {
    let mut tries = 0;
    loop {
        let mut is_smaller = false;
        let mut place = 0;
        while let Some(next) = candidate(&scenario, place) {
            tries += 1;
            if tries > TRIES {
                return scenario;
            }
            if next != scenario && fails(&next) {
                scenario = next;
                is_smaller = true;
            } else {
                place += 1;
            }
        }
        if !is_smaller {
            return scenario;
        }
    }
}

/// One of the scenarios that are a step smaller; the large steps come first.
fn candidate(scenario: &Scenario, place: usize) -> Option<Scenario> {
    let mut steps: Vec<Step> = Vec::new();
    let mails = scenario.mails.len();
    let mut part = mails / 2;
    while part > 0 {
        for from in (0..mails).step_by(part) {
            steps.push(Box::new(move |next| drop(next.mails.drain(from..(from + part).min(mails)))));
        }
        part /= 2;
    }
    let lines = scenario.lines.len();
    for line in (0..lines).filter(|_| lines > 1) {
        steps.push(Box::new(move |next| _ = next.lines.remove(line)));
    }
    for crash in 0..scenario.crashes.len() {
        steps.push(Box::new(move |next| _ = next.crashes.remove(crash)));
    }
    for line in 0..lines {
        for spell in 0..scenario.lines[line].weather.len() {
            steps.push(Box::new(move |next| _ = next.lines[line].weather.remove(spell)));
        }
    }
    if scenario.processes > 1 {
        steps.push(Box::new(|next| {
            next.processes -= 1;
            let last = next.processes - 1;
            next.mails.iter_mut().for_each(|mail| mail.process = mail.process.min(last));
            next.crashes.iter_mut().for_each(|crash| crash.process = crash.process.min(last));
        }));
    }
    steps.push(Box::new(|next| next.strategy = None));
    steps.push(Box::new(|next| next.hasty = false));
    for line in 0..lines {
        steps.push(Box::new(move |next| next.lines[line].rate = None));
        steps.push(Box::new(move |next| next.lines[line].quota = None));
        steps.push(Box::new(move |next| next.lines[line].keyed = false));
        steps.push(Box::new(move |next| next.lines[line].tells = false));
        steps.push(Box::new(move |next| next.lines[line].draining = false));
        steps.push(Box::new(move |next| next.lines[line].failover_only = false));
        steps.push(Box::new(move |next| next.lines[line].in_flight = 32));
        steps.push(Box::new(move |next| next.lines[line].recipients = 100));
        steps.push(Box::new(move |next| next.lines[line].weight = 1));
    }
    for mail in 0..mails {
        steps.push(Box::new(move |next| next.mails[mail].recipients = 1));
        steps.push(Box::new(move |next| next.mails[mail].deadline = None));
        steps.push(Box::new(move |next| next.mails[mail].quick = false));
        steps.push(Box::new(move |next| next.mails[mail].direct = false));
        steps.push(Box::new(move |next| next.mails[mail].policy = None));
        steps.push(Box::new(move |next| next.mails[mail].lane = courierx::Lane::Transactional));
        steps.push(Box::new(move |next| next.mails[mail].from = 1));
    }
    let step = steps.get(place)?;
    let mut next = scenario.clone();
    step(&mut next);
    Some(next)
}
