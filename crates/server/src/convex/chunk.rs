//! Splits long transitions into chunks: each chunk restarts the client's inactivity timer.

use serde_json::json;

/// The greatest number of bytes of a transition that is sent whole, and of a chunk.
pub(super) const PIECE: usize = 5_000_000;

/// Returns the messages that carry a transition in chunks, which share `id`.
pub(super) fn cut(transition: &str, piece: usize, id: i64) -> Vec<String> {
    let parts = pieces(transition, piece);
    let (total, id) = (parts.len(), format!("{id:x}"));
    let message = |(number, part): (usize, &&str)| {
        json!({
            "type": "TransitionChunk",
            "chunk": part,
            "partNumber": number,
            "totalParts": total,
            "transitionId": id,
        })
        .to_string()
    };
    parts.iter().enumerate().map(message).collect()
}

/// Splits a text between characters.
fn pieces(mut text: &str, piece: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    while !text.is_empty() {
        // A character has at most four bytes.
        let (first, rest) = text.split_at(text.floor_char_boundary(piece.max(4)));
        pieces.push(first);
        text = rest;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn pieces_put_together_are_the_whole_whatever_its_characters() {
        let whole = "aé€😀\"\\".repeat(100);
        for piece in [4, 5, 7, 64, 1000] {
            let parts: Vec<Value> =
                cut(&whole, piece, 255).iter().map(|part| serde_json::from_str(part).unwrap()).collect();
            let together: String = parts.iter().map(|part| part["chunk"].as_str().unwrap()).collect();
            assert_eq!(together, whole);
            for (number, part) in parts.iter().enumerate() {
                assert_eq!(part["type"], "TransitionChunk");
                assert_eq!(part["partNumber"], number);
                assert_eq!(part["totalParts"], parts.len());
                assert_eq!(part["transitionId"], "ff");
            }
        }
    }
}
