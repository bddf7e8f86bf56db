//! Round trips, refusals, and what never shows.

use nuages_signing::{EncryptionKey, Error, KeyRing, Plain};
use proptest::collection::vec;
use proptest::prelude::*;

fn key(filling: u8) -> EncryptionKey {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE.encode([filling; 32]).parse().unwrap()
}

fn ring(fillings: &[u8]) -> KeyRing {
    KeyRing::new(fillings.iter().map(|filling| key(*filling))).unwrap()
}

const PLACE: &[&[u8]] = &[b"notes_note", b"secret", b"7"];

proptest! {
    #[test]
    fn what_is_sealed_opens(plain in vec(any::<u8>(), 0..200)) {
        let ring = ring(&[1, 2]);
        let opened = ring.open(&ring.seal(&plain).unwrap()).unwrap();
        prop_assert_eq!((opened.plain.expose(), opened.key), (plain.as_slice(), ring.newest()));
        let opened = ring.open_for(PLACE, &ring.seal_for(PLACE, &plain).unwrap()).unwrap();
        prop_assert_eq!((opened.plain.expose(), opened.key), (plain.as_slice(), ring.newest()));
    }

    #[test]
    fn no_text_ends_the_program(text in "(gAAAA|nuages1\\.[0-9a-f]{8}\\.)?[A-Za-z0-9_=.-]{0,120}", any in "\\PC{0,80}") {
        let ring = ring(&[1]);
        for text in [text, any] {
            prop_assert!(ring.open(&text).is_err());
            prop_assert!(ring.open_for(PLACE, &text).is_err());
        }
    }

    /// Whatever byte is changed, wherever the text is cut.
    #[test]
    fn what_was_altered_is_refused(at in any::<prop::sample::Index>(), letter in "[A-Za-z0-9_.=-]", cut in any::<prop::sample::Index>()) {
        let ring = ring(&[1]);
        let (token, bound) = (ring.seal(b"secret").unwrap(), ring.seal_for(PLACE, b"secret").unwrap());
        for (text, is_token) in [(token, true), (bound, false)] {
            let opens = |text: &str| if is_token { ring.open(text) } else { ring.open_for(PLACE, text) };
            prop_assert!(opens(&text).is_ok());
            let place = at.index(text.len());
            let altered = format!("{}{letter}{}", &text[..place], &text[place + 1..]);
            prop_assert!(altered == text || opens(&altered).is_err(), "{} at {}", altered, place);
            prop_assert!(opens(&text[..cut.index(text.len())]).is_err());
            let longer = format!("{text}{letter}");
            prop_assert!(opens(&longer).is_err());
        }
    }
}

#[test]
fn no_two_sealed_texts_are_alike() {
    let ring = ring(&[1]);
    assert_ne!(ring.seal(b"x").unwrap(), ring.seal(b"x").unwrap());
    assert_ne!(ring.seal_for(PLACE, b"x").unwrap(), ring.seal_for(PLACE, b"x").unwrap());
}

#[test]
fn a_text_sealed_for_one_place_opens_in_no_other() {
    let ring = ring(&[1]);
    let text = ring.seal_for(PLACE, b"x").unwrap();
    let id = ring.newest();
    for other in [
        &[b"notes_note".as_slice(), b"secret", b"8"][..],
        &[b"notes_note", b"other", b"7"],
        &[b"notes_other", b"secret", b"7"],
        // The same letters, parted elsewhere.
        &[b"notes_notesecret", b"", b"7"],
        &[b"notes_note", b"secret7"],
        &[],
    ] {
        assert_eq!(ring.open_for(other, &text), Err(Error::Misplaced { id }));
    }
    // A token opens anywhere, so it is none of this kind; and the other way round.
    assert!(matches!(ring.open_for(PLACE, &ring.seal(b"x").unwrap()), Err(Error::Malformed { .. })));
    assert!(matches!(ring.open(&text), Err(Error::Malformed { .. })));
}

#[test]
fn the_newest_key_seals_and_all_open() {
    let (old, both, new) = (ring(&[1]), ring(&[2, 1]), ring(&[2]));
    let (token, bound) = (old.seal(b"x").unwrap(), old.seal_for(PLACE, b"x").unwrap());
    assert_eq!(both.open(&token).unwrap().key, old.newest());
    assert_eq!(both.open_for(PLACE, &bound).unwrap().key, old.newest());
    assert_eq!(both.newest(), new.newest());
    assert!(new.open(&both.seal(b"x").unwrap()).is_ok());
    assert_eq!(new.open(&token), Err(Error::NoKeyOpens { known: new.ids() }));
    assert_eq!(new.open_for(PLACE, &bound), Err(Error::UnknownKey { id: old.newest(), known: new.ids() }));
}

#[test]
fn messages_name_keys_by_id() {
    let (old, new) = (ring(&[1]), ring(&[3, 2]));
    let (from, of) = (old.newest(), new.ids().iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    assert_eq!(
        new.open_for(PLACE, &old.seal_for(PLACE, b"x").unwrap()).unwrap_err().to_string(),
        format!("was sealed with the key {from}, which is not among the keys {of}")
    );
    assert_eq!(
        new.open(&old.seal(b"x").unwrap()).unwrap_err().to_string(),
        format!("is opened by none of the keys {of}: it was sealed with another one, or altered")
    );
}

#[test]
fn digests_are_equal_for_equal_secrets_of_one_place_and_key() {
    let (old, both) = (ring(&[1]), ring(&[2, 1]));
    let place: &[&[u8]] = &[b"t", b"c"];
    assert_eq!(old.digests(place, b"x"), old.digests(place, b"x"));
    assert_eq!(both.digests(place, b"x")[1..], old.digests(place, b"x"));
    assert_ne!(both.digests(place, b"x")[0], both.digests(place, b"x")[1]);
    assert_ne!(old.digests(place, b"x"), old.digests(place, b"y"));
    assert_ne!(old.digests(place, b"x"), old.digests(&[b"t", b"d"], b"x"));
    assert_ne!(old.digests(place, b"x"), old.digests(&[b"tc", b""], b"x"));
}

#[test]
fn keys_are_read_as_they_are_written_and_never_shown() {
    let key = EncryptionKey::generate().unwrap();
    let text = key.expose();
    assert_eq!(text.len(), 44);
    let again: EncryptionKey = format!(" {}\n", text.as_str()).parse().unwrap();
    assert_eq!(again.id(), key.id());
    let ring = KeyRing::parse(&format!("{}, {}", text.as_str(), self::key(1).expose().as_str())).unwrap();
    assert_eq!(ring.ids(), [key.id(), self::key(1).id()]);
    assert_eq!(
        format!("{ring:?} {key:?}"),
        format!("KeyRing([{0}, {1}]) EncryptionKey({0})", key.id(), self::key(1).id())
    );
    assert_eq!(format!("{:?}", Plain::new("x")), "Plain(…)");
}

#[test]
fn what_is_no_key_is_refused_by_its_place() {
    let good = key(1);
    let good = good.expose();
    for bad in ["", "x", &good[..43], &format!("{}A", good.as_str()), "AQEBAQEBAQEBAQEBAQEBAQ=="] {
        assert_eq!(bad.parse::<EncryptionKey>().unwrap_err(), Error::KeyFormat, "{bad}");
        let error = KeyRing::parse(&format!("{},{bad}", good.as_str())).unwrap_err();
        assert_eq!(error, Error::KeyFormatAt { place: 2 });
    }
    assert_eq!(KeyRing::new([]).unwrap_err(), Error::NoKeys);
    assert_eq!(KeyRing::new([key(1), key(2), key(1)]).unwrap_err(), Error::KeyTwice { id: key(1).id() });
}

#[test]
fn a_key_made_by_hand_is_told_from_one_that_was_drawn() {
    let by_hand = ["c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I=", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="];
    for text in by_hand {
        let ring = KeyRing::parse(text).unwrap();
        assert_eq!(ring.guessable(), ring.ids(), "{text}");
    }
    for _ in 0..1_000 {
        assert_eq!(KeyRing::new([EncryptionKey::generate().unwrap()]).unwrap().guessable(), []);
    }
}
