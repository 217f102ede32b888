//! What must hold after every fault (facts/reliability.md section 5), in one function: [`hold`]. The terminal (I5) is looked at
//! by [`super::pty::Pty::assert_restored`].

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use mailferry::transfer::Journal;

use super::mail::{Mail, Marks};
use super::peek::Message;
use super::program::Run;
use super::servers::PASSWORD;
use super::sha256;
use super::trial::{Counts, Sight, Trial, counted};

/// The most memory that may be used beside one message (I7), in KiB.
const MOST_MEMORY: u64 = 256 * 1024;

/// All that must hold: after `run`, which ended with one of `codes`; after the same command again, without faults; and after
/// once more, which changes nothing (I2).
#[track_caller]
pub fn hold(trial: &Trial<'_>, run: &Run, codes: &[i32], what: &str) {
    check(trial, run, codes, what);
    complete(trial, what);
}

/// The same command, without faults, carries what is left, and once more changes nothing.
#[track_caller]
pub fn complete(trial: &Trial<'_>, what: &str) {
    let code = i32::from(!trial.never.is_empty());
    let what = format!("{what}, then a plain run");
    let plain = trial.run(trial.post.port(), &[]);
    let after = check(trial, &plain, &[code], &what);
    report(trial, &each_once(trial, &after), &plain, &what);
    let what = format!("{what}, then a second");
    let again = trial.run(trial.post.port(), &[]);
    let last = check(trial, &again, &[code], &what);
    let mut broken = Vec::new();
    if again.totals().0 > 0 {
        broken.push("I2: it sent something".to_owned());
    }
    if last != after {
        broken.push("I2: something changed".to_owned());
    }
    report(trial, &broken, &again, &what);
}

/// What must hold after any run, however it ended: all but I2.
#[track_caller]
pub fn check(trial: &Trial<'_>, run: &Run, codes: &[i32], what: &str) -> Sight {
    let sight = trial.look();
    let broken = [
        nothing_lost(trial, &sight),
        nothing_doubled(trial, &sight),
        removed_what_was_proven(trial, &sight),
        as_it_was(trial, run, &sight),
        no_secrets(trial, run),
        bounded(trial, run),
        numbers_are_true(trial, run, &sight),
        others_untouched(trial, &sight),
        right_code(trial, run, codes, &sight),
    ];
    report(trial, &broken.concat(), run, what);
    sight
}

#[track_caller]
fn report(trial: &Trial<'_>, broken: &[String], run: &Run, what: &str) {
    let tail =
        |text: &str| text.lines().rev().take(12).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n");
    let (out, err) = (tail(&run.out), tail(&run.err));
    let broken = broken.join("; ");
    assert!(broken.is_empty(), "{what} ({:?}): {broken}\ncode: {}\nstdout: {out}\nstderr: {err}", trial.kind, run.code);
}

fn of(counts: &Counts, digest: &str) -> usize {
    counts.get(digest).copied().unwrap_or(0)
}

fn all(trial: &Trial<'_>) -> Counts {
    counted(trial.mails.iter().map(|mail| sha256(&mail.bytes)))
}

fn digests(messages: &[Message]) -> Counts {
    counted(messages.iter().map(|message| message.sha256.clone()))
}

/// I1: each message is here or there, whole.
fn nothing_lost(trial: &Trial<'_>, sight: &Sight) -> Vec<String> {
    let there = digests(&sight.there);
    let is_lost = |(digest, wanted): &(&String, &usize)| of(&there, digest) + of(&sight.here, digest) < **wanted;
    all(trial).iter().filter(is_lost).map(|(digest, _)| format!("I1: {digest:.8} is lost")).collect()
}

/// No message is there more often than it was here, but for copies that the server made.
fn nothing_doubled(trial: &Trial<'_>, sight: &Sight) -> Vec<String> {
    let wanted = all(trial);
    let there = digests(&sight.there);
    let more: usize = there.iter().map(|(digest, count)| count.saturating_sub(of(&wanted, digest))).sum();
    if more <= trial.surplus + trial.ruined { Vec::new() } else { vec![format!("I2: {more} messages too many")] }
}

/// I2: each message is there exactly once, with its flags and its date (I4), and a move left nothing here.
fn each_once(trial: &Trial<'_>, sight: &Sight) -> Vec<String> {
    let mut broken = Vec::new();
    let wanted = counted(trial.wanted().map(as_it_must_be));
    let there = counted(sight.there.iter().map(as_it_is));
    for (message, wanted) in wanted {
        let count = of(&there, &message);
        if count < wanted || trial.surplus == 0 && count > wanted {
            broken.push(format!("I2, I4: {message} is there {count} times, not {wanted}"));
        }
    }
    if trial.kind.is_move() && sight.here.values().sum::<usize>() > trial.never.len() {
        broken.push(format!("I2: {:?} is still in the store", sight.here));
    }
    broken
}

/// A message in short: its bytes, its flags and its date.
fn as_it_is(message: &Message) -> String {
    let flags: Vec<String> = message.flags.iter().map(|flag| flag.to_lowercase()).collect();
    format!("{:.8} {} {}", message.sha256, flags.join(" "), message.internal_date)
}

fn as_it_must_be(mail: &Mail) -> String {
    format!("{:.8} {} {}", sha256(&mail.bytes), flags_of(mail).join(" "), mail.received)
}

/// I3: what is gone here is there, and the journal has it as proven and moved.
fn removed_what_was_proven(trial: &Trial<'_>, sight: &Sight) -> Vec<String> {
    let there = digests(&sight.there);
    let mut gone_in_all = 0;
    let mut broken = Vec::new();
    for (digest, count) in all(trial) {
        let gone = count - of(&sight.here, &digest).min(count);
        gone_in_all += gone;
        if gone > of(&there, &digest) {
            broken.push(format!("I3: {digest:.8} was removed and is not there"));
        }
    }
    if gone_in_all > 0 {
        let journal = Journal::open(&trial.home.path().join(".local/state/mailferry")).unwrap();
        let moved = |id| usize::try_from(journal.tally(id).unwrap().moved).unwrap();
        let moved: usize = journal.jobs().unwrap().iter().map(|job| moved(job.id)).sum();
        if moved < gone_in_all {
            broken.push(format!("I3: {gone_in_all} messages are gone, and the journal knows of {moved}"));
        }
    }
    broken
}

/// I4: what is told as done has its flags and its date.
fn as_it_was(trial: &Trial<'_>, run: &Run, sight: &Sight) -> Vec<String> {
    let known: HashSet<String> = trial.mails.iter().map(as_it_must_be).collect();
    let digests = all(trial);
    let mut broken = Vec::new();
    for event in run.events_of("message.done") {
        let Some(message) = sight.there.iter().find(|message| event["uid"] == message.uid) else { continue };
        if digests.contains_key(&message.sha256) && !known.contains(&as_it_is(message)) {
            broken.push(format!("I4: UID {} is {}", message.uid, as_it_is(message)));
        }
    }
    broken
}

/// Flags and keywords as they must arrive, in lower case, sorted.
fn flags_of(mail: &Mail) -> Vec<String> {
    let Marks { seen, answered, flagged, forwarded, draft } = mail.marks;
    let all = [
        (seen, "\\seen"),
        (answered, "\\answered"),
        (flagged, "\\flagged"),
        (draft, "\\draft"),
        (forwarded, "$forwarded"),
    ];
    let mut flags: Vec<String> = all.iter().filter(|(set, _)| *set).map(|(_, name)| (*name).to_owned()).collect();
    flags.extend(mail.keywords.iter().map(|keyword| keyword.to_lowercase()));
    flags.sort();
    flags
}

/// I6: the password is in the file that the user made, and nowhere else: not in what others can see of the process, not in
/// what it printed, not in any file that it made.
fn no_secrets(trial: &Trial<'_>, run: &Run) -> Vec<String> {
    let plain = BASE64.encode(format!("\0{}\0{PASSWORD}", trial.post.user()));
    let holds = |bytes: &[u8]| {
        [PASSWORD, &plain].iter().any(|word| bytes.windows(word.len()).any(|window| window == word.as_bytes()))
    };
    let mut broken = Vec::new();
    for (name, bytes) in
        [("the process", run.seen.as_slice()), ("stdout", run.out.as_bytes()), ("stderr", run.err.as_bytes())]
    {
        if holds(bytes) {
            broken.push(format!("I6: the password is in {name}"));
        }
    }
    let mut waiting = vec![trial.home.path().to_owned()];
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path != trial.password && holds(&std::fs::read(&path).unwrap_or_default()) {
            broken.push(format!("I6: the password is in {}", path.display()));
        }
    }
    broken
}

/// I7: memory is bounded. Waits are bounded by [`super::program::Running::wait`].
fn bounded(trial: &Trial<'_>, run: &Run) -> Vec<String> {
    let largest = trial.mails.iter().map(|mail| mail.bytes.len() as u64).max().unwrap_or(0);
    let is_bounded = u64::from(run.peak) < MOST_MEMORY + largest / 1024;
    if is_bounded { Vec::new() } else { vec![format!("I7: {} KiB of memory", run.peak)] }
}

/// I8: what a run told is so.
fn numbers_are_true(trial: &Trial<'_>, run: &Run, sight: &Sight) -> Vec<String> {
    let mut broken = Vec::new();
    let told = run.events_of("message.done");
    for event in &told {
        let (uid, validity) = (&event["uid"], &event["uidvalidity"]);
        let same = sight.there.iter().find(|message| *uid == message.uid && *validity == message.uid_validity);
        let is_told = same.is_some_and(|message| event["sha256"] == message.sha256.as_str());
        if !is_told
            && event["proof"] != "semantic"
            && sight.there.iter().any(|message| *validity == message.uid_validity)
        {
            broken.push(format!("I8: {uid} is told as done and is not so"));
        }
    }
    if run.is_whole() {
        let end = run.events_of("job.end").remove(0);
        let [messages, done, already, failed, removed] =
            ["messages", "done", "already", "failed", "removed"].map(|name| end[name].as_u64().unwrap());
        let told_failed: u64 =
            run.events_of("message.failed").iter().map(|event| event["messages"].as_u64().unwrap()).sum();
        let told_already = told.iter().filter(|event| event["how"] == "already").count() as u64;
        let gone = trial.mails.len() - sight.here.values().sum::<usize>();
        if (done + already, told_already) != (told.len() as u64, already) || told_failed != failed {
            broken.push(format!("I8: {done} done, {already} already, {failed} failed are not what was told"));
        }
        let is_early = !end["reason"].as_str().unwrap().is_empty();
        if [0, 1].contains(&run.code) && !is_early && done + already + failed != messages {
            broken.push(format!("I8: {done}, {already} and {failed} are not {messages}"));
        }
        if removed > gone as u64 || done + already > sight.there.len() as u64 {
            broken.push(format!("I8: {removed} removed of {gone} gone, {done} done of {} there", sight.there.len()));
        }
    }
    broken
}

/// I9: mail of others and other files are as they were.
fn others_untouched(trial: &Trial<'_>, sight: &Sight) -> Vec<String> {
    let mut broken: Vec<String> = sight.wrong.iter().map(|wrong| format!("I9: {wrong}")).collect();
    let bare = |messages: &[Message]| -> Vec<_> {
        messages.iter().map(|message| (message.sha256.clone(), message.flags.clone(), message.internal_date)).collect()
    };
    if bare(&sight.others) != bare(&trial.others) {
        broken.push("I9: mail of others changed".into());
    }
    broken
}

/// I10: the exit code is one of those that fit, and says what is so.
fn right_code(trial: &Trial<'_>, run: &Run, codes: &[i32], sight: &Sight) -> Vec<String> {
    let mut broken = Vec::new();
    if !codes.contains(&run.code) {
        broken.push(format!("I10: it ended with {} and not {codes:?}", run.code));
    }
    if run.code == 0 && run.is_whole() && sight.there.len() < trial.mails.len() {
        broken.push(format!("I10: it ended with 0, and {} messages are there", sight.there.len()));
    }
    let is_told = ["message.failed", "damage"].iter().any(|kind| !run.events_of(kind).is_empty());
    let has_reason = run.events_of("job.end").iter().any(|end| end["reason"] != "");
    if run.code == 1 && !is_told && !has_reason {
        broken.push("I10: it ended with 1, and nothing is listed".into());
    }
    broken
}
