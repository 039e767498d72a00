//! What is remembered, and what is not.

use super::*;

fn remembering(bytes: usize) -> Answers {
    Answers::new(bytes, &Meters::new().unwrap())
}

fn question(tenant: u8, path: &str) -> Question {
    Question { tenant: TenantId::from_bytes([tenant; 16]), mode: Mode::Live, path: path.into() }
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::EPOCH.after(Duration::from_secs(seconds))
}

/// One of the generation 1 that is good from second 10 to second 12.
fn answer(body: &str) -> Answer {
    let body = Bytes::copy_from_slice(body.as_bytes());
    Answer {
        generation: Generation::new(1),
        made_at: at(10),
        ends_at: at(12),
        headers: HeaderMap::new(),
        body,
    }
}

fn found(answers: &Answers, question: &Question, generation: u64, seconds: u64) -> Option<Bytes> {
    let found = answers.find(question, Generation::new(generation), at(seconds));
    found.map(|answer| answer.body.clone())
}

#[test]
fn an_answer_is_for_its_question_generation_and_time() {
    let answers = remembering(1 << 20);
    let asked = question(1, "/a");
    answers.keep(asked.clone(), answer("yes"));
    assert_eq!(found(&answers, &asked, 1, 11).as_deref(), Some(&b"yes"[..]));
    assert_eq!(found(&answers, &asked, 2, 11), None, "something was written");
    assert_eq!(found(&answers, &asked, 1, 12), None, "its time is over");
    assert_eq!(found(&answers, &asked, 1, 9), None, "the clock was set back");
    assert_eq!(found(&answers, &question(2, "/a"), 1, 11), None, "somebody else asks");
    assert_eq!(found(&answers, &question(1, "/a?page=2"), 1, 11), None);
    let test = Question { mode: Mode::Test, ..asked };
    assert_eq!(found(&answers, &test, 1, 11), None, "a key for tests asks");
}

#[test]
fn a_later_answer_takes_the_place_of_an_earlier_one() {
    let answers = remembering(1 << 20);
    let asked = question(1, "/a");
    answers.keep(asked.clone(), answer("before"));
    answers.keep(asked.clone(), answer("after"));
    assert_eq!(found(&answers, &asked, 1, 11).as_deref(), Some(&b"after"[..]));
    answers.tidy();
    answers.keep(asked.clone(), answer("later"));
    assert_eq!(found(&answers, &asked, 1, 11).as_deref(), Some(&b"later"[..]), "the old half is asked last");
}

#[test]
fn all_of_them_are_bounded() {
    let most = 1 << 20;
    let answers = remembering(most);
    let body = "x".repeat(1000);
    let bytes = || answers.shards.iter().map(|shard| lock(shard).bytes()).sum::<usize>();
    let mut greatest = 0;
    for number in 0..10_000 {
        answers.keep(question(1, &format!("/{number}")), answer(&body));
        greatest = greatest.max(bytes());
    }
    assert!(greatest <= most && greatest > most / 2, "{greatest}");
    assert!(found(&answers, &question(1, "/9999"), 1, 11).is_some(), "the last one is there");
    answers.keep(question(1, "/large"), answer(&"x".repeat(most / SHARDS)));
    assert_eq!(
        found(&answers, &question(1, "/large"), 1, 11),
        None,
        "it would be more than half of its part"
    );
}

#[test]
fn nothing_stays_for_long() {
    let answers = remembering(1 << 20);
    answers.keep(question(1, "/a"), answer("yes"));
    answers.tidy();
    answers.tidy();
    assert!(answers.shards.iter().all(|shard| lock(shard).bytes() == 0));
}

#[test]
fn without_room_nothing_is_remembered() {
    let answers = remembering(0);
    assert!(answers.is_off());
    answers.keep(question(1, "/a"), answer("yes"));
    assert_eq!(found(&answers, &question(1, "/a"), 1, 11), None);
    answers.tidy();
}
