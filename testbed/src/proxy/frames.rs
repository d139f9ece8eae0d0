//! The NATS protocol, as far as it takes to tell one message from the next in what a server sends.
//!
//! A message is `MSG <subject> <sid> [reply] <bytes>` or `HMSG <subject> <sid> [reply] <header bytes> <total bytes>`,
//! each followed by that many bytes; everything else a server sends (`INFO`, `PING`, `PONG`, `+OK`, `-ERR`) is one line.

use std::io;

use serde_json::Value;

const LINE_END: &[u8] = b"\r\n";
/// A server sends nothing as long as this in one piece (its own bound for a message is 64 MiB).
const FRAME_MAX: usize = 65 * 1024 * 1024;

/// Cuts a stream of bytes into frames.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// The beginning of a frame whose end has not arrived.
    rest: Vec<u8>,
}

impl Frames {
    /// Takes the next bytes and returns all whole frames that `keep` wants, as they were.
    pub(super) fn filter(&mut self, bytes: &[u8], mut keep: impl FnMut(&[u8]) -> bool) -> io::Result<Vec<u8>> {
        self.rest.extend_from_slice(bytes);
        let mut kept = Vec::with_capacity(self.rest.len());
        let mut start = 0;
        while let Some(frame) = self.rest.get(start..).map(first_frame).transpose()?.flatten() {
            start += frame.len();
            if keep(frame) {
                kept.extend_from_slice(frame);
            }
        }
        self.rest.drain(..start);
        Ok(kept)
    }
}

/// The frame at the beginning of `bytes`, if all of it is there.
fn first_frame(bytes: &[u8]) -> io::Result<Option<&[u8]>> {
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let Some(line) = line(bytes) else {
        return if bytes.len() > FRAME_MAX { Err(invalid("a line without end")) } else { Ok(None) };
    };
    let mut length = line.len() + LINE_END.len();
    if is_message(line) {
        let size =
            line.split(|byte| *byte == b' ').next_back().and_then(|size| str::from_utf8(size).ok()?.parse().ok());
        let size: usize = size.filter(|size| *size <= FRAME_MAX).ok_or_else(|| invalid("a message without a size"))?;
        length += size + LINE_END.len();
    }
    Ok(bytes.get(..length))
}

fn line(bytes: &[u8]) -> Option<&[u8]> {
    bytes.get(..bytes.windows(LINE_END.len()).position(|window| window == LINE_END)?)
}

fn is_message(line: &[u8]) -> bool {
    line.starts_with(b"MSG ") || line.starts_with(b"HMSG ")
}

/// The subject of a message; nothing for every other frame. What a consumer is given has the subject under which it was
/// stored, whatever inbox it goes to.
pub(super) fn subject(frame: &[u8]) -> Option<&[u8]> {
    line(frame).filter(|line| is_message(line))?.split(|byte| *byte == b' ').nth(1)
}

/// The JSON of an answer that says an atomic batch was committed; nothing for every other frame.
pub(super) fn commit_answer(frame: &[u8]) -> Option<&str> {
    let line = line(frame).filter(|line| line.starts_with(b"MSG "))?;
    let payload = frame.get(line.len() + LINE_END.len()..frame.len().checked_sub(LINE_END.len())?)?;
    let text = str::from_utf8(payload).ok()?;
    let answer: Value = serde_json::from_str(text).ok()?;
    let says = |field: &str| answer.get(field).is_some();
    (says("batch") && says("count") && says("seq") && !says("error")).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::{Frames, commit_answer, subject};

    const STREAM: &[u8] = b"INFO {\"a\":1}\r\nPING\r\n\
        MSG _INBOX.a 1 6\r\nMSG \r\n\r\n\
        HMSG b 2 reply 12 17\r\nNATS/1.0\r\n\r\n12345\r\n\
        MSG _INBOX.c 1 0\r\n\r\n+OK\r\n";

    #[test]
    fn a_stream_is_cut_into_the_same_frames_wherever_it_is_broken() {
        for size in 1..STREAM.len() {
            let mut frames = Frames::default();
            let mut seen = Vec::new();
            let mut passed = Vec::new();
            for piece in STREAM.chunks(size) {
                passed.extend(
                    frames
                        .filter(piece, |frame| {
                            seen.push(frame.to_vec());
                            true
                        })
                        .unwrap(),
                );
            }
            assert_eq!(passed, STREAM);
            assert_eq!(seen.len(), 6, "in pieces of {size}");
            assert_eq!(seen[2], b"MSG _INBOX.a 1 6\r\nMSG \r\n\r\n");
        }
    }

    #[test]
    fn a_frame_that_is_not_kept_leaves_no_trace() {
        let kept = Frames::default().filter(STREAM, |frame| !frame.starts_with(b"HMSG")).unwrap();
        assert_eq!(kept, b"INFO {\"a\":1}\r\nPING\r\nMSG _INBOX.a 1 6\r\nMSG \r\n\r\nMSG _INBOX.c 1 0\r\n\r\n+OK\r\n");
    }

    #[test]
    fn a_message_without_a_size_is_an_error_not_a_guess() {
        assert!(Frames::default().filter(b"MSG a b\r\n", |_| true).is_err());
    }

    #[test]
    fn only_messages_have_a_subject() {
        let mut subjects = Vec::new();
        let keep = |frame: &[u8]| {
            subjects.extend(subject(frame).map(|subject| String::from_utf8_lossy(subject).into_owned()));
            true
        };
        Frames::default().filter(STREAM, keep).unwrap();
        assert_eq!(subjects, ["_INBOX.a", "b", "_INBOX.c"]);
    }

    #[test]
    fn only_the_yes_to_a_batch_is_a_commit_answer() {
        let message = |json: &str| format!("MSG _INBOX.a 1 {}\r\n{json}\r\n", json.len()).into_bytes();
        let yes = r#"{"stream":"s","seq":7,"batch":"b","count":2}"#;
        assert_eq!(commit_answer(&message(yes)), Some(yes));
        assert_eq!(commit_answer(&message(r#"{"stream":"s","seq":7}"#)), None);
        assert_eq!(commit_answer(&message(r#"{"error":{"err_code":10071},"stream":"s","seq":0}"#)), None);
        assert_eq!(commit_answer(b"PING\r\n"), None);
    }
}
