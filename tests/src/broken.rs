//! Reviews as nobody should send them.

use serde_json::{Value, json};

use crate::random::Random;

/// Changes one value somewhere in the tree for one that should not be there.
pub fn mutate(value: &mut Value, random: &mut Random) {
    let inner: Option<&mut Value> = match value {
        Value::Object(fields) if !fields.is_empty() && random.below(8) > 0 => {
            let at = random.index(fields.len());
            fields.iter_mut().nth(at).map(|(_, value)| value)
        }
        Value::Array(items) if !items.is_empty() && random.below(8) > 0 => {
            let at = random.index(items.len());
            items.get_mut(at)
        }
        _ => None,
    };
    match inner {
        Some(inner) => mutate(inner, random),
        None => *value = surprise(random),
    }
}

/// Changes some bytes, and mostly leaves out the rest behind one of them.
pub fn scramble(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(6) {
        let at = random.index(bytes.len());
        bytes[at] = random.below(256) as u8;
    }
    bytes.truncate(random.index(bytes.len() * 4));
}

fn surprise(random: &mut Random) -> Value {
    random
        .pick(&[
            Value::Null,
            json!(""),
            json!("init"),
            json!("--"),
            json!(-1),
            json!(1e300),
            json!(true),
            json!([]),
            json!([null, [], {}, "x"]),
            json!({}),
            json!({ "name": null, "command": [1], "items": {} }),
            json!("before:,\u{0}\u{fffd}=–"),
        ])
        .clone()
}
