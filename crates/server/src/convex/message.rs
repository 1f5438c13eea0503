//! Messages of the clients.

use serde::Deserialize;
use serde_json::Value;

use super::{close::Close, weight::is_too_heavy};

/// A message of a client.
#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
pub(super) enum ClientMessage {
    /// The first one on a connection.
    #[serde(rename_all = "camelCase")]
    Connect {
        session_id: String,
        #[serde(default)]
        max_observed_timestamp: Option<String>,
        #[serde(default)]
        client_ts: Option<f64>,
    },
    /// Other queries are watched.
    #[serde(rename_all = "camelCase")]
    ModifyQuerySet { base_version: u32, new_version: u32, modifications: Vec<Modification> },
    /// Somebody signs in or out.
    #[serde(rename_all = "camelCase")]
    Authenticate {
        base_version: u32,
        token_type: TokenType,
        #[serde(default)]
        value: Option<String>,
        #[serde(default, alias = "acting_as")]
        impersonating: Option<Value>,
    },
    /// Writes.
    Mutation(Request),
    /// Does something outside of a transaction.
    Action(Request),
    /// Telemetry, which nobody here reads.
    Event,
}

/// A call whose answer carries its number.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request {
    pub request_id: u32,
    #[serde(flatten)]
    pub call: Call,
}

/// Which operation, with what.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Call {
    udf_path: String,
    #[serde(default)]
    component_path: Option<String>,
    #[serde(default)]
    pub args: Value,
}

/// A change of what is watched.
#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
pub(super) enum Modification {
    /// One more query.
    #[serde(rename_all = "camelCase")]
    Add {
        query_id: u32,
        #[serde(flatten)]
        call: Call,
        #[serde(default)]
        journal: Option<String>,
    },
    /// One less.
    #[serde(rename_all = "camelCase")]
    Remove { query_id: u32 },
}

/// What kind of token is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) enum TokenType {
    /// A JWT, or an API key.
    User,
    /// An API key.
    Admin,
    /// Nothing: signed out.
    None,
}

impl Call {
    /// A call that did not come as a message.
    pub(super) fn new(udf_path: String, component_path: Option<String>, args: Value) -> Self {
        Self { udf_path, component_path, args }
    }

    /// The operation's name. There are no components here: what is in one does not exist.
    pub(super) fn operation(&self) -> String {
        match self.component_path.as_deref() {
            None | Some("") => self.udf_path.clone(),
            Some(component) => format!("{component}//{}", self.udf_path),
        }
    }
}

impl ClientMessage {
    /// Reads a frame's text.
    pub(super) fn parse(text: &str) -> Result<Self, Close> {
        if is_too_heavy(text.as_bytes()) {
            return Err(Close::too_long());
        }
        serde_json::from_str(text).map_err(|_| Close::protocol("a message that is none of the protocol"))
    }
}

/// The text of a UUID, which is what clients name their sessions by.
pub(super) fn is_session(id: &str) -> bool {
    let dashes = [8, 13, 18, 23];
    id.len() == 36
        && id.bytes().enumerate().all(|(at, byte)| match dashes.contains(&at) {
            true => byte == b'-',
            false => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_the_clients_are_read() {
        let messages = [
            r#"{"type":"Connect","sessionId":"8f1d","connectionCount":0,"lastCloseReason":null,"clientTs":1795208979080}"#,
            r#"{"type":"ModifyQuerySet","baseVersion":1,"newVersion":2,"modifications":[
                {"type":"Add","queryId":3,"udfPath":"customers:list","args":[{"tag":"x"}],"journal":null},
                {"type":"Remove","queryId":1}]}"#,
            r#"{"type":"Mutation","requestId":0,"udfPath":"customers:create","args":[{"name":"Ada"}]}"#,
            r#"{"type":"Action","requestId":1,"udfPath":"mail:send","args":[{}],"componentPath":null}"#,
            r#"{"type":"Authenticate","baseVersion":1,"tokenType":"None"}"#,
            r#"{"type":"Authenticate","baseVersion":1,"tokenType":"Admin","value":"k","impersonating":{"subject":"s"}}"#,
            r#"{"type":"Event","eventType":"ClientConnect","event":{}}"#,
        ];
        for message in messages {
            ClientMessage::parse(message).unwrap_or_else(|close| panic!("{message}: {close:?}"));
        }
    }

    #[test]
    fn what_is_no_message_ends_the_connection() {
        for text in ["", "{", "[]", "1", r#"{"type":"Hello"}"#, r#"{"type":"Mutation","requestId":-1,"udfPath":"a:b"}"#]
        {
            assert!(ClientMessage::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_function_of_a_component_is_none_of_ours() {
        let call: Call = serde_json::from_str(r#"{"udfPath":"a:b","componentPath":"c"}"#).unwrap();
        assert_eq!(call.operation(), "c//a:b");
    }

    #[test]
    fn a_session_is_named_by_a_uuid() {
        assert!(is_session("5c1f1e9c-7a0e-4d0e-9a51-0e8b2d1f3a77"));
        for id in ["", "1", "5c1f1e9c-7a0e-4d0e-9a51-0e8b2d1f3a7", "5c1f1e9c+7a0e-4d0e-9a51-0e8b2d1f3a77"] {
            assert!(!is_session(id), "{id}");
        }
    }
}
