//! Pictures of a matrix: an indexed PNG with a diverging scale, as a data URI.
//!
//! Zero is transparent and the colour grows in opacity with the size of the value, so that one picture fits a light and
//! a dark page. Blue is negative, vermilion positive, both told apart by all common kinds of colour vision
//! (Okabe and Ito 2008). Format: PNG, W3C Recommendation (second edition, 2003).

use std::io::Write as _;

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};

/// Palette entry of zero.
const ZERO: u8 = 127;

/// Palette entry of numbers that are none.
const UNDEFINED: u8 = 255;

/// Colour of the most negative value.
const NEGATIVE: [u8; 3] = [0x1b, 0x6f, 0xc0];

/// Colour of the most positive value.
const POSITIVE: [u8; 3] = [0xd5, 0x52, 0x0a];

/// Smallest side of a picture in pixels, so that viewers which smooth pictures still show sharp cells.
const SIDE: usize = 512;

/// A data URI of `rows` × `columns` cells; `values` row by row, ±`limit` are the ends of the scale.
pub(crate) fn matrix(values: &[f64], rows: usize, columns: usize, limit: f64) -> String {
    let scale = SIDE.div_ceil(rows.max(columns).max(1)).max(1);
    let mut pixels = Vec::with_capacity(rows * scale * (columns * scale + 1));
    for row in values.chunks_exact(columns.max(1)).take(rows) {
        let mut line = vec![0u8];
        for &value in row {
            line.resize(line.len() + scale, index(value, limit));
        }
        for _ in 0..scale {
            pixels.extend_from_slice(&line);
        }
    }
    format!("data:image/png;base64,{}", base64(&encode(&pixels, columns * scale, rows * scale)))
}

/// Palette entry of a value.
fn index(value: f64, limit: f64) -> u8 {
    if !value.is_finite() || limit <= 0.0 || !limit.is_finite() {
        return if value == 0.0 { ZERO } else { UNDEFINED };
    }
    (f64::from(ZERO) * (1.0 + (value / limit).clamp(-1.0, 1.0))).round() as u8
}

/// Opacity of a palette entry, linear in the value's size.
fn opacity(entry: u8) -> u8 {
    if entry == UNDEFINED { 160 } else { (f64::from(entry.abs_diff(ZERO)) / f64::from(ZERO) * 255.0).round() as u8 }
}

/// The file: scan lines with filter byte 0, one byte a pixel.
fn encode(scanlines: &[u8], width: usize, height: usize) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = Vec::new();
    header.extend_from_slice(&(width as u32).to_be_bytes());
    header.extend_from_slice(&(height as u32).to_be_bytes());
    // Eight bits a pixel, indexed, and the only compression, filter and interlace methods that are used.
    header.extend_from_slice(&[8, 3, 0, 0, 0]);
    let colour = |entry: u8| match entry {
        UNDEFINED => [0x80; 3],
        e if e < ZERO => NEGATIVE,
        _ => POSITIVE,
    };
    let palette: Vec<u8> = (0..=255).flat_map(colour).collect();
    let transparency: Vec<u8> = (0..=255).map(opacity).collect();
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    // Writing into memory cannot fail; should it, the picture is empty and the page stays whole.
    let data = encoder.write_all(scanlines).and_then(|()| encoder.finish()).unwrap_or_default();
    for (kind, content) in
        [(b"IHDR", header.as_slice()), (b"PLTE", &palette), (b"tRNS", &transparency), (b"IDAT", &data), (b"IEND", &[])]
    {
        file.extend_from_slice(&(content.len() as u32).to_be_bytes());
        let mut crc = Crc::new();
        crc.update(kind);
        crc.update(content);
        file.extend_from_slice(kind);
        file.extend_from_slice(content);
        file.extend_from_slice(&crc.sum().to_be_bytes());
    }
    file
}

/// Base64 with padding (RFC 4648).
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let word = group.iter().fold(0u32, |w, b| w << 8 | u32::from(*b)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * place) & 63) as usize];
            out.push(if place <= group.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_matches_the_rfc() {
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn the_scale_is_symmetric_and_zero_is_clear() {
        assert_eq!((index(0.0, 2.0), opacity(ZERO)), (ZERO, 0));
        assert_eq!((index(-2.0, 2.0), index(2.0, 2.0), index(9.0, 2.0)), (0, 254, 254));
        assert_eq!((opacity(0), opacity(254)), (255, 255));
        assert_eq!((index(f64::NAN, 1.0), index(1.0, 0.0)), (UNDEFINED, UNDEFINED));
        for value in [0.1, 0.5, 1.3] {
            assert_eq!(opacity(index(value, 2.0)), opacity(index(-value, 2.0)));
        }
    }

    #[test]
    fn chunks_are_whole_and_pixels_come_back() {
        let pixels = [0, 1, 2, 3, 0, 4, 5, 6];
        let file = encode(&pixels, 3, 2);
        let mut rest = &file[8..];
        let mut kinds = Vec::new();
        while !rest.is_empty() {
            let length = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
            let mut crc = Crc::new();
            crc.update(&rest[4..8 + length]);
            assert_eq!(rest[8 + length..12 + length], crc.sum().to_be_bytes());
            if &rest[4..8] == b"IDAT" {
                let mut out = Vec::new();
                std::io::Read::read_to_end(&mut flate2::read::ZlibDecoder::new(&rest[8..8 + length]), &mut out)
                    .unwrap();
                assert_eq!(out, pixels);
            }
            kinds.push(rest[4..8].to_vec());
            rest = &rest[12 + length..];
        }
        assert_eq!(kinds.concat(), b"IHDRPLTEtRNSIDATIEND");
    }
}
