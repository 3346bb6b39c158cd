//! Matroska and WebM: elements with a number, a length, and content, which may be elements.

use super::media::Clip;
use super::reader::Reader;

const SEGMENT: u32 = 0x1853_8067;
const INFO: u32 = 0x1549_a966;
/// Nanoseconds in a unit of time.
const TIMESTAMP_SCALE: u32 = 0x2a_d7b1;
const DURATION: u32 = 0x4489;
const TRACKS: u32 = 0x1654_ae6b;
const TRACK: u32 = 0xae;
const VIDEO: u32 = 0xe0;
const WIDTH: u32 = 0xb0;
const HEIGHT: u32 = 0xba;
const CLUSTER: u32 = 0x1f43_b675;

pub fn read(file: &[u8]) -> Option<Clip> {
    let mut file = Reader(file);
    element(&mut file)?;
    let segment = loop {
        if let (SEGMENT, content) = element(&mut file)? {
            // Where the length isn't known, as of a stream, it is all that follows.
            break content.unwrap_or(file.0);
        }
    };
    let (mut segment, mut info, mut clip, mut plays) = (Reader(segment), None, None, false);
    while !segment.0.is_empty() {
        match element(&mut segment)? {
            (INFO, content) => info = content,
            (TRACKS, content) => clip = content.and_then(first_video),
            (CLUSTER, content) => {
                plays = true;
                // One of unknown length ends where the next begins: nothing that is needed follows.
                if content.is_none() {
                    break;
                }
            }
            _ => {}
        }
    }
    let clip: Clip = clip.filter(|_| plays)?;
    Some(Clip { duration: info.and_then(seconds), ..clip })
}

fn first_video(tracks: &[u8]) -> Option<Clip> {
    let mut rest = Reader(tracks);
    while let Some((id, content)) = element(&mut rest) {
        let Some(video) = content.filter(|_| id == TRACK).and_then(|track| find(track, VIDEO)) else { continue };
        let side = |id| u32::try_from(number(find(video, id)?)).ok().filter(|side| *side > 0);
        return Some(Clip { width: side(WIDTH)?, height: side(HEIGHT)?, duration: None });
    }
    None
}

/// `None` where the file doesn't say, as a stream doesn't.
fn seconds(info: &[u8]) -> Option<u32> {
    let scale = find(info, TIMESTAMP_SCALE).map_or(1_000_000, number);
    let mut duration = Reader(find(info, DURATION)?);
    let units = match duration.0.len() {
        4 => f32::from_bits(duration.be32()?).into(),
        _ => f64::from_bits(duration.be64()?),
    };
    let seconds = units * scale as f64 / 1e9;
    (seconds > 0.0 && seconds < f64::from(u32::MAX)).then_some(seconds as u32)
}

fn find(content: &[u8], id: u32) -> Option<&[u8]> {
    let mut rest = Reader(content);
    loop {
        let (own, content) = element(&mut rest)?;
        if own == id {
            return content;
        }
    }
}

fn number(content: &[u8]) -> u64 {
    content.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// The next element. Its content is `None` where its length isn't known.
fn element<'a>(rest: &mut Reader<'a>) -> Option<(u32, Option<&'a [u8]>)> {
    let id = rest.0.first()?.leading_zeros() + 1;
    let id = rest.take(id as usize).filter(|id| id.len() <= 4).map(number)?;
    // As many bytes as the first has leading zeros, and one more. All bits set: unknown.
    let bytes = rest.0.first()?.leading_zeros() + 1;
    let mask = u64::MAX >> (64 - 7 * bytes.min(9));
    let length = rest.take(bytes as usize).filter(|length| length.len() <= 8).map(number)? & mask;
    let content = if length == mask { None } else { Some(rest.take(usize::try_from(length).ok()?)?) };
    Some((u32::try_from(id).ok()?, content))
}
