//! PostgreSQL's `numeric` on the wire, to and from decimals that keep their scale.
//!
//! Four header fields of 16 bits (number of digits, weight of the first, sign, places after the point), then digits to
//! the base 10,000 (`src/backend/utils/adt/numeric.c`, `numeric_send`).

use bigdecimal::BigDecimal;
use bigdecimal::num_bigint::{BigInt, Sign};
use bytes::{BufMut, BytesMut};

use crate::error::{Error, ErrorKind, Result};

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const INFINITY: u16 = 0xD000;
const NEGATIVE_INFINITY: u16 = 0xF000;
/// Decimal digits of one digit on the wire.
const GROUP: i64 = 4;

/// Reads a numeric.
pub(super) fn read(bytes: &[u8]) -> Result<BigDecimal> {
    let (header, digits) = bytes.split_at_checked(8).ok_or_else(malformed)?;
    let field =
        |index: usize| header.get(2 * index..2 * index + 2).map_or(0, |pair| u16::from_be_bytes([pair[0], pair[1]]));
    let (count, weight, sign, scale) = (field(0), field(1) as i16, field(2), i64::from(field(3)));
    match sign {
        NAN | INFINITY | NEGATIVE_INFINITY => {
            return Err(Error::new(ErrorKind::Decode, "is NaN or infinite, which no decimal here can be"));
        }
        _ if digits.len() != usize::from(count) * 2 => return Err(malformed()),
        _ => {}
    }
    let groups = digits.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    let magnitude = if count <= 9 {
        // 36 decimal digits fit 128 bits.
        BigInt::from(groups.fold(0_i128, |number, group| number * 10_000 + i128::from(group)))
    } else {
        let text: String = groups.map(|group| format!("{group:04}")).collect();
        text.parse().map_err(|_| malformed())?
    };
    let magnitude = if sign == NEGATIVE { -magnitude } else { magnitude };
    // What the digits are worth: the last stands `weight - count + 1` groups left of the point.
    let places = (i64::from(count) - 1 - i64::from(weight)) * GROUP;
    Ok(BigDecimal::new(magnitude, places).with_scale(scale))
}

/// Writes a numeric.
///
/// # Errors
/// [`ErrorKind::Value`] beyond 131,072 digits before the point or 16,383 after it, PostgreSQL's limits.
pub(super) fn write(number: &BigDecimal, out: &mut BytesMut) -> Result<()> {
    let (mantissa, exponent) = number.as_bigint_and_exponent();
    let negative = mantissa.sign() == Sign::Minus;
    let mut digits = mantissa.magnitude().to_string();
    let scale = exponent.max(0);
    if scale > 16_383 || digits.len() as i64 - exponent > 131_072 {
        return Err(Error::new(
            ErrorKind::Value,
            "a decimal of more than 131,072 digits before the point or 16,383 after it does not fit PostgreSQL's numeric",
        ));
    }
    if exponent < 0 {
        digits.extend(std::iter::repeat_n('0', usize::try_from(-exponent).unwrap_or(0)));
    }
    // Zeros in front until what precedes the point, and after the end until what follows it, is whole groups.
    let before = digits.len() as i64 - scale;
    let lead = if before >= 0 { (GROUP - before % GROUP) % GROUP } else { -before };
    let padded = format!(
        "{}{digits}{}",
        "0".repeat(usize::try_from(lead).unwrap_or(0)),
        "0".repeat(usize::try_from((GROUP - scale % GROUP) % GROUP).unwrap_or(0))
    );
    let mut weight = (before + lead) / GROUP - 1;
    let mut groups: Vec<u16> = padded
        .as_bytes()
        .chunks(GROUP as usize)
        .map(|group| group.iter().fold(0, |number, digit| number * 10 + u16::from(digit - b'0')))
        .collect();
    let zeros = groups.iter().take_while(|group| **group == 0).count();
    groups.drain(..zeros);
    weight -= zeros as i64;
    while groups.last() == Some(&0) {
        groups.pop();
    }
    let field = |number: i64| u16::try_from(number & 0xffff).unwrap_or(0);
    out.put_u16(field(groups.len() as i64));
    out.put_u16(if groups.is_empty() { 0 } else { field(weight) });
    out.put_u16(if negative { NEGATIVE } else { 0 });
    out.put_u16(field(scale));
    for group in groups {
        out.put_u16(group);
    }
    Ok(())
}

fn malformed() -> Error {
    Error::new(ErrorKind::Decode, "is no numeric as PostgreSQL sends them")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(text: &str) -> String {
        let mut out = BytesMut::new();
        write(&text.parse().unwrap(), &mut out).unwrap();
        read(&out).unwrap().to_plain_string()
    }

    #[test]
    fn numbers_keep_their_digits_and_their_scale() {
        for text in [
            "0",
            "0.00",
            "1",
            "-1",
            "10",
            "10000",
            "12345678",
            "0.1",
            "0.0001",
            "0.00001",
            "0.000000001",
            "-0.00012",
            "123456789012345678901234567890.123456789012345678901234567890",
            "99999999999999999999999999999999999999999999",
            "1.50",
            "100.00",
            "10000.0000",
            "-12345.6789",
            "1000000.5",
            "0.0000000000000000000000000000000000000000012300",
        ] {
            assert_eq!(round_trip(text), text);
        }
        assert_eq!(round_trip("1e5"), "100000");
    }

    #[test]
    fn the_bytes_are_those_of_numeric_send() {
        // select numeric_send(12345.678)
        let mut out = BytesMut::new();
        write(&"12345.678".parse().unwrap(), &mut out).unwrap();
        assert_eq!(&out[..], [0, 3, 0, 1, 0, 0, 0, 3, 0, 1, 0x09, 0x29, 0x1a, 0x7c]);
    }

    #[test]
    fn what_is_no_number_is_refused() {
        assert!(read(&[0, 0, 0, 0, 0xC0, 0, 0, 0]).is_err());
        assert!(read(&[0, 5, 0, 0, 0, 0, 0, 0, 0, 1]).is_err());
        assert!(read(&[]).is_err());
        assert!(write(&"1e200000".parse().unwrap(), &mut BytesMut::new()).is_err());
    }
}
