//! The pair matrix `[n, n]` f64 of a run directory: NumPy's `.npy`, versions 1 to 3.
//!
//! Source: NumPy Enhancement Proposal 1 (`numpy.lib.format`). Sizes in the header are checked against the length of the
//! bytes before anything is taken.

/// Largest matrix that is shown, n units a side.
pub(crate) const MAX_UNITS: usize = 2048;

/// Largest file that can hold such a matrix.
pub(crate) const MAX_BYTES: u64 = (MAX_UNITS * MAX_UNITS * 8 + 65_536) as u64;

/// Parses a square f64 matrix; gives n and its values row by row, or one sentence about what is wrong.
pub(crate) fn square_matrix(bytes: &[u8]) -> Result<(usize, Vec<f64>), String> {
    let (header, body) = split(bytes).ok_or("it is not a .npy file, or it ends inside its header")?;
    let (dtype, fortran, shape) = fields(header).ok_or("its header cannot be read")?;
    let width = match dtype {
        "<f8" => 8,
        "<f4" => 4,
        other => return Err(format!("its numbers are of type {other}; expected <f8")),
    };
    let &[rows, columns] = shape.as_slice() else {
        return Err(format!("it has {} dimensions; expected [n, n]", shape.len()));
    };
    if rows != columns {
        return Err(format!("it is {rows} × {columns}; expected a square matrix"));
    }
    if rows > MAX_UNITS {
        return Err(format!("it has {rows} units; at most {MAX_UNITS} are shown"));
    }
    if body.len() != rows * rows * width {
        return Err(format!("its header promises {rows} × {rows} numbers, but {} bytes follow", body.len()));
    }
    let mut values: Vec<f64> = if width == 8 {
        body.as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b)).collect()
    } else {
        body.as_chunks::<4>().0.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect()
    };
    if fortran {
        let stored = values.clone();
        for j in 0..rows {
            for k in 0..rows {
                values[j * rows + k] = stored[k * rows + j];
            }
        }
    }
    Ok((rows, values))
}

/// Header text and what follows it.
fn split(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let rest = bytes.strip_prefix(b"\x93NUMPY")?;
    let (version, rest) = rest.split_first_chunk::<2>()?;
    let (length, rest) = if version[0] == 1 {
        let (length, rest) = rest.split_first_chunk::<2>()?;
        (usize::from(u16::from_le_bytes(*length)), rest)
    } else {
        let (length, rest) = rest.split_first_chunk::<4>()?;
        (usize::try_from(u32::from_le_bytes(*length)).ok()?, rest)
    };
    let (header, body) = rest.split_at_checked(length)?;
    Some((std::str::from_utf8(header).ok()?, body))
}

/// `descr`, `fortran_order` and `shape` of a header, a Python dictionary in text form.
fn fields(header: &str) -> Option<(&str, bool, Vec<usize>)> {
    let after = |key: &str| {
        let start = header.find(&format!("'{key}'"))? + key.len() + 2;
        header[start..].trim_start().strip_prefix(':').map(str::trim_start)
    };
    let dtype = after("descr")?.strip_prefix('\'')?.split_once('\'')?.0;
    let fortran = after("fortran_order")?.starts_with("True");
    let shape = after("shape")?.strip_prefix('(')?.split_once(')')?.0;
    let shape = shape.split(',').map(str::trim).filter(|s| !s.is_empty());
    let shape: Vec<usize> = shape.map(|s| s.parse().ok()).collect::<Option<_>>()?;
    Some((dtype, fortran, shape))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, values: &[f64]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend_from_slice(&(header.len() as u16).to_le_bytes());
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
        bytes
    }

    #[test]
    fn both_orders_are_read() {
        let c = file("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }\n", &[0.0, 1.0, 2.0, 3.0]);
        assert_eq!(square_matrix(&c), Ok((2, vec![0.0, 1.0, 2.0, 3.0])));
        let f = file("{'descr': '<f8', 'fortran_order': True, 'shape': (2, 2), }\n", &[0.0, 1.0, 2.0, 3.0]);
        assert_eq!(square_matrix(&f), Ok((2, vec![0.0, 2.0, 1.0, 3.0])));
    }

    #[test]
    fn promises_that_the_bytes_do_not_keep_are_refused() {
        let good = file("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }\n", &[0.0; 4]);
        for cut in 0..good.len() {
            assert!(square_matrix(&good[..cut]).is_err(), "{cut} bytes");
        }
        for shape in
            ["(2, 3)", "(4,)", "()", "(18446744073709551615, 18446744073709551615)", "(4000000000, 4000000000)"]
        {
            let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n");
            assert!(square_matrix(&file(&header, &[0.0; 4])).is_err(), "{shape}");
        }
        assert!(square_matrix(&file("{'descr': '|O', 'fortran_order': False, 'shape': (2, 2), }", &[0.0; 4])).is_err());
    }
}
